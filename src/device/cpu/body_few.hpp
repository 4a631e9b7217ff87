// Part of a kernels_*.cpp: convolution of a block that holds few images. Most lanes would then compute for
// nothing, so a vector is AFU_WIDTH output channels of one pixel here, and only the images that are there are
// gone through. What is read is first laid apart, image by image; what is computed is laid back into the
// lanes afterwards.

constexpr std::int64_t kFewColumns = 12;

/// Vectors of output channels computed at once, a power of two.
inline std::int64_t few_vectors(std::int64_t channels_left) {
  std::int64_t vectors = AFU_FEW_VECTORS;
  while (vectors * AFU_WIDTH > channels_left) vectors /= 2;
  return vectors;
}

template <int Step, std::size_t... J>
inline void exchange(V& a, V& b, std::index_sequence<J...>) {
  const V low = __builtin_shufflevector(a, b, ((J & Step) ? int(AFU_WIDTH + J - Step) : int(J))...);
  b = __builtin_shufflevector(a, b, ((J & Step) ? int(AFU_WIDTH + J) : int(J + Step))...);
  a = low;
}
/// Rows become columns.
template <int Step = AFU_WIDTH / 2>
inline void transpose(V (&v)[AFU_WIDTH]) {
#pragma GCC unroll 16
  for (int i = 0; i < AFU_WIDTH; ++i)
    if (!(i & Step)) exchange<Step>(v[i], v[i + Step], std::make_index_sequence<AFU_WIDTH>());
  if constexpr (Step > 1) transpose<Step / 2>(v);
}

/// to [images][channels][height][width]; `height` and `width` as the filter sees them, margin and all.
void lay_apart(const Planes& in, std::int64_t channels, std::int64_t height, std::int64_t width,
               std::int64_t images, float* to) {
  const auto image = channels * height * width;
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t y = 0; y < height; ++y) {
      const float* row = in.at(c, y, 0);
      float* to_row = to + (c * height + y) * width;
      if (width < AFU_WIDTH) {
        for (std::int64_t b = 0; b < images; ++b)
          for (std::int64_t x = 0; x < width; ++x) to_row[b * image + x] = row[x * in.column + b];
        continue;
      }
      for (std::int64_t b = 0; b < images; b += AFU_WIDTH)
        for (std::int64_t begin = 0; begin < width; begin += AFU_WIDTH) {
          const auto x = std::min<std::int64_t>(begin, width - AFU_WIDTH);
          V v[AFU_WIDTH];
#pragma GCC unroll 16
          for (int i = 0; i < AFU_WIDTH; ++i) v[i] = load(row + (x + i) * in.column + b);
          transpose(v);
#pragma GCC unroll 16
          for (int i = 0; i < AFU_WIDTH; ++i)
            if (b + i < images) store_any(to_row + (b + i) * image + x, v[i]);
        }
    }
}

/// to [images][height][width][channels].
void lay_channels_last(const Planes& in, std::int64_t images, float* to) {
  const auto image = in.height * in.width * in.channels;
  for (std::int64_t c = 0; c < in.channels; c += AFU_WIDTH)
    for (std::int64_t y = 0; y < in.height; ++y)
      for (std::int64_t x = 0; x < in.width; ++x) {
        const float* from = in.at(c, y, x);
        float* pixel = to + (y * in.width + x) * in.channels + c;
        for (std::int64_t b = 0; b < images; b += AFU_WIDTH) {
          V v[AFU_WIDTH];
#pragma GCC unroll 16
          for (int i = 0; i < AFU_WIDTH; ++i) v[i] = load(from + i * in.channel + b);
          transpose(v);
#pragma GCC unroll 16
          for (int i = 0; i < AFU_WIDTH; ++i)
            if (b + i < images) store(pixel + (b + i) * image, v[i]);
        }
      }
}

/// Back into the lanes. Those without an image get the last one again, or zeros where they are gradients.
void lay_back(const float* from, std::int64_t images, bool gradients, const Planes& out) {
  const auto image = out.height * out.width * out.channels;
  for (std::int64_t c = 0; c < out.channels; c += AFU_WIDTH)
    for (std::int64_t y = 0; y < out.height; ++y)
      for (std::int64_t x = 0; x < out.width; ++x) {
        const float* pixel = from + (y * out.width + x) * out.channels + c;
        float* to = out.at(c, y, x);
        for (std::int64_t b = 0; b < kLanes; b += AFU_WIDTH) {
          V v[AFU_WIDTH];
#pragma GCC unroll 16
          for (int i = 0; i < AFU_WIDTH; ++i)
            v[i] = gradients && b + i >= images ? V{} : load(pixel + std::min(b + i, images - 1) * image);
          transpose(v);
#pragma GCC unroll 16
          for (int i = 0; i < AFU_WIDTH; ++i) store(to + i * out.channel + b, v[i]);
        }
      }
}

/// Adds `channels` input channels to Columns pixels of Vectors vectors of output channels, which are `pitch`
/// floats apart; the first time they begin with the bias.
template <int Vectors, int Columns>
void few_tile(const Filter& f, std::int64_t channels, const float* w, const float* bias, bool first,
              const float* seen, std::int64_t row, std::int64_t plane, float* to, std::int64_t pitch) {
  V sum[Columns][Vectors];
#pragma GCC unroll 16
  for (int x = 0; x < Columns; ++x)
#pragma GCC unroll 4
    for (int o = 0; o < Vectors; ++o)
      sum[x][o] = !first ? load(to + x * pitch + o * AFU_WIDTH) : bias ? load_any(bias + o * AFU_WIDTH) : V{};
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t ky = 0; ky < f.kernel; ++ky) {
      const float* p = seen + c * plane + ky * row;
      for (std::int64_t kx = 0; kx < f.kernel; ++kx, ++p, w += Vectors * AFU_WIDTH) {
        V weight[Vectors];
#pragma GCC unroll 4
        for (int o = 0; o < Vectors; ++o) weight[o] = load(w + o * AFU_WIDTH);
#pragma GCC unroll 16
        for (int x = 0; x < Columns; ++x) {
          V v = same(p[x]);
          keep(v);
#pragma GCC unroll 4
          for (int o = 0; o < Vectors; ++o) sum[x][o] += weight[o] * v;
        }
      }
    }
#pragma GCC unroll 16
  for (int x = 0; x < Columns; ++x)
#pragma GCC unroll 4
    for (int o = 0; o < Vectors; ++o) store(to + x * pitch + o * AFU_WIDTH, sum[x][o]);
}

using FewTile = void (*)(const Filter&, std::int64_t, const float*, const float*, bool, const float*,
                         std::int64_t, std::int64_t, float*, std::int64_t);
constexpr std::int64_t few_columns(std::int64_t vectors) {
  return std::min<std::int64_t>(kFewColumns, AFU_SUMS / vectors);
}
template <int Vectors, int... Columns>
FewTile few_tile_of(std::int64_t columns, std::integer_sequence<int, Columns...>) {
  static constexpr FewTile tiles[] = {few_tile<Vectors, Columns + 1>...};
  return tiles[columns - 1];
}
template <int Vectors = AFU_FEW_VECTORS>
FewTile find_few_tile(std::int64_t vectors, std::int64_t columns) {
  if (vectors == Vectors)
    return few_tile_of<Vectors>(columns, std::make_integer_sequence<int, few_columns(Vectors)>());
  if constexpr (Vectors > 1)
    return find_few_tile<Vectors / 2>(vectors, columns);
  else
    return nullptr;
}

void pack_few(const Filter& f, bool reversed, const float* weights, float* packed) {
  pack_filter(f, reversed, weights, packed, [](std::int64_t left) { return few_vectors(left) * AFU_WIDTH; });
}

constexpr std::int64_t kFewNear = 24 * 1024 / sizeof(float);  // floats that stay in the nearest cache

void convolve_few(const Filter& f, const float* packed, const float* bias, const Planes& in,
                  std::int64_t images, bool gradients, float* scratch, const Planes& out) {
  const auto height = out.height + f.kernel - 1, width = out.width + f.kernel - 1;
  const auto plane = height * width, taps = f.kernel * f.kernel;
  float *apart = scratch, *results = scratch + round_up(images * f.in * plane, kLanes);
  lay_apart(in, f.in, height, width, images, apart);
  const float* w = packed;
  for (std::int64_t o = 0; o < f.out;) {
    const auto vectors = few_vectors(f.out - o), block = vectors * AFU_WIDTH;
    const auto most = few_columns(vectors), parts = (out.width + most - 1) / most;
    const auto turns = (f.in * taps * block + kFewNear - 1) / kFewNear;
    for (std::int64_t b = 0; b < images; ++b)
      for (std::int64_t turn = 0; turn < turns; ++turn) {
        const auto c = turn * f.in / turns, channels = (turn + 1) * f.in / turns - c;
        for (std::int64_t y = 0; y < out.height; ++y)
          for (std::int64_t part = 0; part < parts; ++part) {
            const auto x = part * out.width / parts, columns = (part + 1) * out.width / parts - x;
            find_few_tile(vectors, columns)(
                f, channels, w + c * taps * block, bias ? bias + o : nullptr, turn == 0,
                apart + (b * f.in + c) * plane + y * width + x, width, plane,
                results + ((b * out.height + y) * out.width + x) * f.out + o, f.out);
          }
      }
    o += block;
    w += f.in * taps * block;
  }
  lay_back(results, images, gradients, out);
}

/// Adds to sums [Channels][...][Taps][Vectors * AFU_WIDTH], channels `channel` floats apart, what rows [0,
/// rows) give.
template <int Vectors, int Taps, int Channels>
void few_gradient_tile(std::int64_t rows, std::int64_t columns, const float* seen, std::int64_t row,
                       std::int64_t plane, const float* d, std::int64_t pitch, float* sums,
                       std::int64_t channel) {
  V sum[Channels][Taps][Vectors];
#pragma GCC unroll 8
  for (int c = 0; c < Channels; ++c)
#pragma GCC unroll 8
    for (int t = 0; t < Taps; ++t)
#pragma GCC unroll 4
      for (int o = 0; o < Vectors; ++o)
        sum[c][t][o] = load(sums + c * channel + (t * Vectors + o) * AFU_WIDTH);
  for (std::int64_t y = 0; y < rows; ++y) {
    const float* p = seen + y * row;
    for (std::int64_t x = 0; x < columns; ++x, ++p, d += pitch) {
      V gradient[Vectors];
#pragma GCC unroll 4
      for (int o = 0; o < Vectors; ++o) gradient[o] = load(d + o * AFU_WIDTH);
#pragma GCC unroll 8
      for (int c = 0; c < Channels; ++c)
#pragma GCC unroll 8
        for (int t = 0; t < Taps; ++t) {
          V v = same(p[c * plane + t]);
          keep(v);
#pragma GCC unroll 4
          for (int o = 0; o < Vectors; ++o) sum[c][t][o] += gradient[o] * v;
        }
    }
  }
#pragma GCC unroll 8
  for (int c = 0; c < Channels; ++c)
#pragma GCC unroll 8
    for (int t = 0; t < Taps; ++t)
#pragma GCC unroll 4
      for (int o = 0; o < Vectors; ++o)
        store(sums + c * channel + (t * Vectors + o) * AFU_WIDTH, sum[c][t][o]);
}

using FewGradientTile = void (*)(std::int64_t, std::int64_t, const float*, std::int64_t, std::int64_t,
                                 const float*, std::int64_t, float*, std::int64_t);
/// Input channels, a power of two, whose sums fit into the registers.
constexpr std::int64_t few_gradient_channels(std::int64_t vectors, std::int64_t taps) {
  std::int64_t channels = 8;
  while (channels > 1 && channels * vectors * taps > AFU_SUMS) channels /= 2;
  return channels;
}
template <int Vectors, int Taps, int Channels = few_gradient_channels(Vectors, Taps)>
FewGradientTile find_few_gradient_channels(std::int64_t channels) {
  if (channels == Channels) return few_gradient_tile<Vectors, Taps, Channels>;
  if constexpr (Channels > 1)
    return find_few_gradient_channels<Vectors, Taps, Channels / 2>(channels);
  else
    return nullptr;
}
template <int Vectors, int... Taps>
FewGradientTile find_few_gradient_taps(std::int64_t taps, std::int64_t channels,
                                       std::integer_sequence<int, Taps...>) {
  using Find = FewGradientTile (*)(std::int64_t);
  static constexpr Find finds[] = {find_few_gradient_channels<Vectors, Taps + 1>...};
  return finds[taps - 1](channels);
}
template <int Vectors = AFU_FEW_VECTORS>
FewGradientTile find_few_gradient_tile(std::int64_t vectors, std::int64_t taps, std::int64_t channels) {
  if (vectors == Vectors)
    return find_few_gradient_taps<Vectors>(taps, channels, std::make_integer_sequence<int, AFU_TAPS>());
  if constexpr (Vectors > 1)
    return find_few_gradient_tile<Vectors / 2>(vectors, taps, channels);
  else
    return nullptr;
}

void filter_gradient_few(const Filter& f, const Planes& in, const Planes& d_out, std::int64_t images,
                         float* scratch, float* d_weights) {
  const auto height = d_out.height + f.kernel - 1, width = d_out.width + f.kernel - 1;
  const auto plane = height * width, taps = f.kernel * f.kernel;
  float *apart = scratch, *d = scratch + round_up(images * f.in * plane, kLanes);
  float* sums = d + images * d_out.height * d_out.width * f.out;
  lay_apart(in, f.in, height, width, images, apart);
  lay_channels_last(d_out, images, d);
  for (std::int64_t o = 0; o < f.out;) {
    const auto vectors = few_vectors(f.out - o), block = vectors * AFU_WIDTH, channel = taps * block;
    const auto rows = std::max<std::int64_t>(1, kFewNear / (d_out.width * block));
    std::fill(sums, sums + f.in * channel, 0.0f);
    for (std::int64_t b = 0; b < images; ++b)
      for (std::int64_t y = 0; y < d_out.height; y += rows) {
        const auto count = std::min(rows, d_out.height - y);
        const float* at = d + (b * d_out.height + y) * d_out.width * f.out + o;
        for (std::int64_t c = 0; c < f.in;) {
          std::int64_t channels = few_gradient_channels(vectors, std::min(kTaps, f.kernel));
          while (channels > f.in - c) channels /= 2;
          for (std::int64_t ky = 0; ky < f.kernel; ++ky)
            for (std::int64_t kx = 0; kx < f.kernel; kx += kTaps)
              find_few_gradient_tile(vectors, std::min(kTaps, f.kernel - kx), channels)(
                  count, d_out.width, apart + (b * f.in + c) * plane + (y + ky) * width + kx, width, plane,
                  at, f.out, sums + c * channel + (ky * f.kernel + kx) * block, channel);
          c += channels;
        }
      }
    for (std::int64_t i = 0; i < block; ++i)
      for (std::int64_t t = 0; t < f.in * taps; ++t)
        d_weights[(o + i) * f.in * taps + t] += sums[t * block + i];
    o += block;
  }
}
