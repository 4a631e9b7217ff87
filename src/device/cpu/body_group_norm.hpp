// Part of a kernels_*.cpp: group normalisation. An image is a lane: its
// statistics need no sum across lanes.

inline V inverse_root(V variance) {
  constexpr float kEpsilon = 1e-5f;
  for (std::int64_t i = 0; i < AFU_WIDTH; ++i) variance[i] = 1.0f / __builtin_sqrtf(variance[i] + kEpsilon);
  return variance;
}

/// Mean and 1 / standard deviation of a group, in one pass over x - x0, x0
/// being its first value: what x0 differs from the mean is in the variance too,
/// so that no more than a factor of the group's size can cancel.
struct Statistics {
  V mean, scale;
};
inline Statistics statistics(const Planes& in, std::int64_t begin, std::int64_t end) {
  const float share = 1.0f / static_cast<float>((end - begin) * in.height * in.width);
  const V first = load(in.at(begin, 0, 0));
  V sum{}, squares{};
  for (auto c = begin; c < end; ++c)
    for (std::int64_t y = 0; y < in.height; ++y) {
      V row{}, row_squares{};
      const float* p = in.at(c, y, 0);
      for (std::int64_t x = 0; x < in.width; ++x, p += in.column) {
        const V v = load(p) - first;
        row += v;
        row_squares += v * v;
      }
      sum += row;
      squares += row_squares;
    }
  const V mean = sum * share, variance = squares * share - kept_product(mean, mean);
  return {first + mean, inverse_root(variance < V{} ? V{} : variance)};
}

/// x -> weight * (x - mean) * scale + bias.
struct Affine {
  V factor, shift;
  Affine(const Statistics& s, float weight, float bias)
      : factor(s.scale * weight), shift(bias - s.mean * factor) {}
  V operator()(V v) const { return v * factor + shift; }
};

template <int Size>
void group_norm_of(const Norm& n, const Planes& in, const float* weight, const float* bias, float* kept,
                   const Maxima& maxima, const Planes& out) {
  const auto size = in.channels / n.groups;
  for (std::int64_t s = 0; s < kSlices; ++s) {
    const auto from = slice(in, s), to = slice(out, s);
    for (std::int64_t g = 0; g < n.groups; ++g) {
      const auto group = statistics(from, g * size, (g + 1) * size);
      float* keep_at = kept + 2 * g * kLanes + s * AFU_WIDTH;
      store(keep_at, group.mean);
      store(keep_at + kLanes, group.scale);
      for (auto c = g * size; c < (g + 1) * size; ++c) {
        const Affine map(group, weight[c], bias[c]);
        if constexpr (Size == 1)
          map_channel(from, to, c, map);
        else
          pool_channel<Size>(from, c, n.pool, n.then_relu, slice(maxima, s), to, map);
      }
    }
  }
}

/// visit(y, x, gradient, value, place) for every window of one channel of one
/// slice.
template <class Visit>
inline void each_maximum(const Planes& d, const Maxima& maxima, std::int64_t c, const Visit& visit) {
  for (std::int64_t y = 0; y < d.height; ++y)
    for (std::int64_t x = 0; x < d.width; ++x)
      visit(y, x, load(d.at(c, y, x)), load(maxima.value.at(c, y, x)), load_place(maxima.place.at(c, y, x)));
}

/// With x' = (x - mean) * scale:
/// d x = scale * (weight * d y - mean(weight * d y) - x' * mean(weight * d y *
/// x')).
template <int Size>
void group_norm_gradient_of(const Norm& n, const Planes& in, const float* weight, const float* kept,
                            const Maxima& maxima, const Planes& d_out, float* scratch, float* d_weight,
                            float* d_bias, const Planes& d_in) {
  const auto size = in.channels / n.groups;
  const std::int64_t pool = Size > 0 ? Size : n.pool;
  const float share = 1.0f / static_cast<float>(size * in.height * in.width);
  float *sums = scratch,
        *products = scratch + in.channels * kLanes;  // of d y, and of d y with x'
  for (std::int64_t s = 0; s < kSlices; ++s) {
    const auto x = slice(in, s), d = slice(d_out, s);
    const auto most = slice(maxima, s);
    for (std::int64_t g = 0; g < n.groups; ++g) {
      const float* kept_at = kept + 2 * g * kLanes + s * AFU_WIDTH;
      const V mean = load(kept_at), scale = load(kept_at + kLanes);
      V group_sum{}, group_product{};
      for (auto c = g * size; c < (g + 1) * size; ++c) {
        V sum{}, product{};
        if constexpr (Size == 1)
          each_pair(d, x, c, [&](V gradient, V v) {
            sum += gradient;
            product += gradient * (v - mean);
          });
        else
          each_maximum(d, most, c, [&](std::int64_t, std::int64_t, V gradient, V v, Mask place) {
            const V reaches = place < Mask{} ? V{} : gradient;
            sum += reaches;
            product += reaches * (v - mean);
          });
        product *= scale;
        store(sums + c * kLanes + s * AFU_WIDTH, sum);
        store(products + c * kLanes + s * AFU_WIDTH, product);
        group_sum += sum * weight[c];
        group_product += product * weight[c];
      }
      if (!d_in.data) continue;
      const auto to = slice(d_in, s);
      // d x = scale * weight * d y - slope * x - constant
      const V slope = scale * scale * group_product * share;
      const V constant = scale * group_sum * share - kept_product(slope, mean);
      for (auto c = g * size; c < (g + 1) * size; ++c) {
        const V factor = scale * weight[c];
        if constexpr (Size == 1) {
          map_channel(d, x, to, c,
                      [&](V gradient, V v) { return gradient * factor - kept_product(v, slope) - constant; });
        } else {
          const auto rest = [&](const float* p) { return -(load(p) * slope) - constant; };
          each_maximum(d, most, c, [&](std::int64_t i, std::int64_t j, V gradient, V, Mask place) {
            const float* p = x.at(c, i * pool, j * pool);
            float* q = to.at(c, i * pool, j * pool);
            const V own = gradient * factor;
            for (std::int64_t k = 0; k < pool; ++k)
              for (std::int64_t l = 0; l < pool; ++l)
                store(q + k * to.row + l * to.column,
                      rest(p + k * x.row + l * x.column) +
                          (place == static_cast<std::int32_t>(k * pool + l) ? own : V{}));
          });
          // What no window covers.
          for (std::int64_t i = 0; i < in.height; ++i)
            for (auto j = i < d.height * pool ? d.width * pool : 0; j < in.width; ++j)
              store(to.at(c, i, j), rest(x.at(c, i, j)));
        }
      }
    }
  }
  for (std::int64_t c = 0; c < in.channels; ++c) {
    d_bias[c] += sum_lanes(sums + c * kLanes);
    d_weight[c] += sum_lanes(products + c * kLanes);
  }
}

void group_norm(const Norm& n, const Planes& in, const float* weight, const float* bias, float* kept,
                const Maxima& maxima, const Planes& out) {
  (n.pool == 1   ? group_norm_of<1>
   : n.pool == 2 ? group_norm_of<2>
                 : group_norm_of<0>)(n, in, weight, bias, kept, maxima, out);
}

void group_norm_gradient(const Norm& n, const Planes& in, const float* weight, const float* kept,
                         const Maxima& maxima, const Planes& d_out, float* scratch, float* d_weight,
                         float* d_bias, const Planes& d_in) {
  (n.pool == 1 ? group_norm_gradient_of<1>
   : n.pool == 2
       ? group_norm_gradient_of<2>
       : group_norm_gradient_of<0>)(n, in, weight, kept, maxima, d_out, scratch, d_weight, d_bias, d_in);
}
