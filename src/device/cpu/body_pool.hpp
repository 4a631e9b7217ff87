// Part of a kernels_*.cpp: pooling and ReLU. NaN goes through both, as in
// LibTorch: a run that diverges shows it.

inline V positive(V v) { return v < V{} ? V{} : v; }
/// A gradient, where ReLU gave `y`.
inline V where_positive(V y, V gradient) { return y <= V{} ? V{} : gradient; }

/// One channel of one slice, seen through `map`: the largest value of each
/// window, the first of them where there are several, NaN where there is one.
/// Where ReLU gives 0, no place is the maximum's.
template <int Size, class Map>
inline void pool_channel(const Planes& in, std::int64_t c, std::int64_t size, bool then_relu,
                         const Maxima& maxima, const Planes& out, const Map& map) {
  const std::int64_t n = Size > 0 ? Size : size;
  for (std::int64_t y = 0; y < out.height; ++y) {
    const float* p = in.at(c, y * n, 0);
    float *to = out.at(c, y, 0), *before_to = maxima.value.at(c, y, 0), *place_to = maxima.place.at(c, y, 0);
    for (std::int64_t x = 0; x < out.width; ++x) {
      V before = load(p), most = map(before);
      Mask place{};
#pragma GCC unroll 2
      for (std::int64_t i = 0; i < n; ++i)
#pragma GCC unroll 2
        for (std::int64_t j = 0; j < n; ++j) {
          const V candidate = load(p + i * in.row + j * in.column), v = map(candidate);
          const Mask take = (v > most) | (v != v);
          most = take ? v : most;
          before = take ? candidate : before;
          place = take ? Mask{} + static_cast<std::int32_t>(i * n + j) : place;
        }
      if (then_relu) {
        place = most <= V{} ? ~Mask{} : place;
        most = positive(most);
      }
      store(to, most);
      store(before_to, before);
      *reinterpret_cast<Mask*>(place_to) = place;
      p += n * in.column;
      to += out.column;
      before_to += maxima.value.column;
      place_to += maxima.place.column;
    }
  }
}

inline Mask load_place(const float* p) { return *reinterpret_cast<const Mask*>(p); }
inline V unchanged(V v) { return v; }

template <int Size>
void max_pool_of(const Planes& in, std::int64_t size, bool then_relu, const Maxima& maxima,
                 const Planes& out) {
  for (std::int64_t s = 0; s < kSlices; ++s)
    for (std::int64_t c = 0; c < out.channels; ++c)
      pool_channel<Size>(slice(in, s), c, size, then_relu, slice(maxima, s), slice(out, s), unchanged);
}
void max_pool(const Planes& in, std::int64_t size, bool then_relu, const Maxima& maxima, const Planes& out) {
  (size == 2 ? max_pool_of<2> : max_pool_of<0>)(in, size, then_relu, maxima, out);
}

template <int Size>
void max_pool_gradient_of(const Maxima& maxima, std::int64_t size, const Planes& d_out, const Planes& d_in) {
  const std::int64_t n = Size > 0 ? Size : size;
  for (std::int64_t s = 0; s < kSlices; ++s) {
    const auto from = slice(d_out, s), to = slice(d_in, s), places = slice(maxima.place, s);
    for (std::int64_t c = 0; c < from.channels; ++c)
      for (std::int64_t y = 0; y < from.height; ++y)
        for (std::int64_t x = 0; x < from.width; ++x) {
          const V gradient = load(from.at(c, y, x));
          const Mask place = load_place(places.at(c, y, x));
          float* q = to.at(c, y * n, x * n);
          for (std::int64_t i = 0; i < n; ++i)
            for (std::int64_t j = 0; j < n; ++j)
              store(q + i * to.row + j * to.column,
                    place == static_cast<std::int32_t>(i * n + j) ? gradient : V{});
        }
  }
}
void max_pool_gradient(const Maxima& maxima, std::int64_t size, const Planes& d_out, const Planes& d_in) {
  (size == 2 ? max_pool_gradient_of<2> : max_pool_gradient_of<0>)(maxima, size, d_out, d_in);
}

void average_pool(const Planes& in, const Planes& out) {
  const float share = 1.0f / static_cast<float>(in.height * in.width);
  for (std::int64_t s = 0; s < kSlices; ++s)
    for (std::int64_t c = 0; c < in.channels; ++c) {
      V sum{};
      each_value(slice(in, s), c, [&](V v) { sum += v; });
      store(slice(out, s).at(c, 0, 0), sum * share);
    }
}

void average_pool_gradient(const Planes& d_out, const Planes& d_in) {
  const float share = 1.0f / static_cast<float>(d_in.height * d_in.width);
  for (std::int64_t s = 0; s < kSlices; ++s) {
    const auto to = slice(d_in, s);
    for (std::int64_t c = 0; c < d_in.channels; ++c) {
      const V d = load(slice(d_out, s).at(c, 0, 0)) * share;
      map_channel(to, to, c, [&](V) { return d; });
    }
  }
}

void relu(const Planes& x) {
  for (std::int64_t s = 0; s < kSlices; ++s)
    for (std::int64_t c = 0; c < x.channels; ++c) map_channel(slice(x, s), slice(x, s), c, positive);
}

void relu_gradient(const Planes& out, const Planes& d) {
  for (std::int64_t s = 0; s < kSlices; ++s)
    for (std::int64_t c = 0; c < out.channels; ++c)
      map_channel(slice(out, s), slice(d, s), slice(d, s), c, where_positive);
}
