// Part of a kernels_*.cpp: convolution. AFU_OUT_BLOCK output channels by up to
// AFU_COLUMNS columns are kept in registers.

constexpr std::int64_t kOutBlock = AFU_OUT_BLOCK, kColumns = AFU_COLUMNS, kTaps = AFU_TAPS;

/// The largest block of output channels, a power of two, for `left` of them.
inline std::int64_t out_block(std::int64_t left) {
  std::int64_t block = kOutBlock;
  while (block > left) block /= 2;
  return block;
}

/// packed [block][in][kernel * kernel][channels of the block]; block_of(channels
/// left) gives a block's channels, weight(o, c, tap) the weights.
template <class Block, class Weight>
void pack_blocks(std::int64_t out, std::int64_t in, std::int64_t taps, float* packed, const Block& block_of,
                 const Weight& weight) {
  for (std::int64_t begin = 0; begin < out;) {
    const auto block = block_of(out - begin);
    for (std::int64_t c = 0; c < in; ++c)
      for (std::int64_t t = 0; t < taps; ++t)
        for (std::int64_t o = begin; o < begin + block; ++o) *packed++ = weight(o, c, t);
    begin += block;
  }
}

/// The filter's weights, or those of the way back: in and out exchanged, both axes reversed.
template <class Block>
void pack_filter(const Filter& f, bool reversed, const float* weights, float* packed, const Block& block_of) {
  const auto taps = f.kernel * f.kernel;
  if (reversed)
    pack_blocks(f.in, f.out, taps, packed, block_of, [&](std::int64_t o, std::int64_t c, std::int64_t t) {
      return weights[(c * f.in + o) * taps + (taps - 1 - t)];
    });
  else
    pack_blocks(f.out, f.in, taps, packed, block_of, [&](std::int64_t o, std::int64_t c, std::int64_t t) {
      return weights[(o * f.in + c) * taps + t];
    });
}

void pack(const Filter& f, const float* weights, float* packed) {
  pack_filter(f, false, weights, packed, out_block);
}

void pack_reversed(const Filter& f, const float* weights, float* packed) {
  pack_filter(f, true, weights, packed, out_block);
}

/// `out`: where the tile's first channel and column go. `in`: what its first
/// tap sees.
template <int Out, int Columns>
void convolve_tile(const Filter& f, const float* w, const float* bias, const Planes& in, const float* seen,
                   const Planes& out, float* to) {
  V sum[Out][Columns];
#pragma GCC unroll 8
  for (int o = 0; o < Out; ++o)
#pragma GCC unroll 8
    for (int x = 0; x < Columns; ++x) sum[o][x] = same(bias ? bias[o] : 0.0f);
  const auto step = f.stride * in.column;
  for (std::int64_t c = 0; c < f.in; ++c)
    for (std::int64_t ky = 0; ky < f.kernel; ++ky) {
      const float* p = seen + c * in.channel + ky * in.row;
      for (std::int64_t kx = 0; kx < f.kernel; ++kx, p += in.column, w += Out)
#pragma GCC unroll 8
        for (int x = 0; x < Columns; ++x) {
          const V v = load(p + x * step);
#pragma GCC unroll 8
          for (int o = 0; o < Out; ++o) sum[o][x] += v * w[o];
        }
    }
#pragma GCC unroll 8
  for (int o = 0; o < Out; ++o)
#pragma GCC unroll 8
    for (int x = 0; x < Columns; ++x) store(to + o * out.channel + x * out.column, sum[o][x]);
}

using Tile = void (*)(const Filter&, const float*, const float*, const Planes&, const float*, const Planes&,
                      float*);
template <int Out, int... Columns>
Tile tile_of(std::int64_t columns, std::integer_sequence<int, Columns...>) {
  static constexpr Tile tiles[] = {convolve_tile<Out, Columns + 1>...};
  return tiles[columns - 1];
}
template <int Out>
Tile find_tile(std::int64_t out, std::int64_t columns) {
  if (out == Out) return tile_of<Out>(columns, std::make_integer_sequence<int, AFU_COLUMNS>());
  if constexpr (Out > 1)
    return find_tile<Out / 2>(out, columns);
  else
    return nullptr;
}

void convolve(const Filter& f, const float* packed, const float* bias, const Planes& in, const Planes& out) {
  const auto taps = f.in * f.kernel * f.kernel;
  const auto parts = (out.width + kColumns - 1) / kColumns;
  for (std::int64_t y = 0; y < out.height; ++y)
    for (std::int64_t part = 0; part < parts; ++part) {
      const auto x = part * out.width / parts, columns = (part + 1) * out.width / parts - x;
      for (std::int64_t s = 0; s < kSlices; ++s) {
        const auto from = slice(in, s), to = slice(out, s);
        const float* w = packed;
        for (std::int64_t o = 0; o < f.out;) {
          const auto block = out_block(f.out - o);
          find_tile<AFU_OUT_BLOCK>(block, columns)(f, w, bias ? bias + o : nullptr, from,
                                                   from.at(0, y * f.stride, x * f.stride), to,
                                                   to.at(o, y, x));
          o += block;
          w += block * taps;
        }
      }
    }
}

/// Adds to sums [Taps][Out] (each kLanes floats apart) what rows [0, rows) of a
/// tile give.
template <int Out, int Taps>
void gradient_tile(const Filter& f, const Planes& in, const float* seen, const Planes& d_out, const float* d,
                   std::int64_t rows, float* sums) {
  V sum[Taps][Out];
#pragma GCC unroll 8
  for (int t = 0; t < Taps; ++t)
#pragma GCC unroll 8
    for (int o = 0; o < Out; ++o) sum[t][o] = load(sums + (t * Out + o) * kLanes);
  for (std::int64_t y = 0; y < rows; ++y) {
    const float *p = seen + y * f.stride * in.row, *g = d + y * d_out.row;
    for (std::int64_t x = 0; x < d_out.width; ++x, p += f.stride * in.column, g += d_out.column) {
      V v[Taps];
#pragma GCC unroll 8
      for (int t = 0; t < Taps; ++t) v[t] = load(p + t * in.column);
#pragma GCC unroll 8
      for (int o = 0; o < Out; ++o) {
        V gradient = load(g + o * d_out.channel);
        keep(gradient);
#pragma GCC unroll 8
        for (int t = 0; t < Taps; ++t) sum[t][o] += gradient * v[t];
      }
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < Taps; ++t)
#pragma GCC unroll 8
    for (int o = 0; o < Out; ++o) store(sums + (t * Out + o) * kLanes, sum[t][o]);
}

using GradientTile = void (*)(const Filter&, const Planes&, const float*, const Planes&, const float*,
                              std::int64_t, float*);
/// Channels by taps that fit into the registers.
constexpr std::int64_t gradient_channels(std::int64_t taps) {
  return taps * 8 <= AFU_SUMS ? 8 : taps * 4 <= AFU_SUMS ? 4 : taps * 2 <= AFU_SUMS ? 2 : 1;
}
template <int Taps, int Out>
GradientTile find_gradient_tile(std::int64_t out) {
  if (out == Out) return gradient_tile<Out, Taps>;
  if constexpr (Out > 1)
    return find_gradient_tile<Taps, Out / 2>(out);
  else
    return nullptr;
}
template <int... Taps>
GradientTile gradient_tile_of(std::int64_t taps, std::int64_t out, std::integer_sequence<int, Taps...>) {
  using Find = GradientTile (*)(std::int64_t);
  static constexpr Find finds[] = {find_gradient_tile<Taps + 1, gradient_channels(Taps + 1)>...};
  return finds[taps - 1](out);
}

/// One slice of the sums of channels [o, o + block):
/// [in][kernel][kernel][block].
void gradient_sums(const Filter& f, const Planes& in, const Planes& d_out, std::int64_t o, std::int64_t block,
                   float* sums) {
  // The rows of the gradient that all taps look at stay in the nearest cache.
  constexpr std::int64_t kNear = 16 * 1024 / sizeof(float);
  const auto rows = std::max<std::int64_t>(1, kNear / (block * d_out.width * kLanes));
  for (std::int64_t y = 0; y < d_out.height; y += rows) {
    const auto count = std::min(rows, d_out.height - y);
    auto* to = sums;
    for (std::int64_t c = 0; c < f.in; ++c)
      for (std::int64_t ky = 0; ky < f.kernel; ++ky)
        for (std::int64_t kx = 0; kx < f.kernel;) {
          const auto taps = std::min(kTaps, f.kernel - kx);
          gradient_tile_of(taps, block, std::make_integer_sequence<int, AFU_TAPS>())(
              f, in, in.at(c, y * f.stride + ky, kx), d_out, d_out.at(o, y, 0), count, to);
          kx += taps;
          to += taps * block * kLanes;
        }
  }
}

void filter_gradient(const Filter& f, const Planes& in, const Planes& d_out, float* scratch,
                     float* d_weights) {
  const auto taps = f.in * f.kernel * f.kernel;
  const auto most = gradient_channels(std::min(kTaps, f.kernel));
  for (std::int64_t o = 0; o < f.out;) {
    auto block = most;
    while (block > f.out - o) block /= 2;
    std::fill(scratch, scratch + taps * block * kLanes, 0.0f);
    for (std::int64_t s = 0; s < kSlices; ++s)
      gradient_sums(f, slice(in, s), slice(d_out, s), o, block, scratch + s * AFU_WIDTH);
    for (std::int64_t t = 0; t < taps; ++t)
      for (std::int64_t i = 0; i < block; ++i)
        d_weights[(o + i) * taps + t] += sum_lanes(scratch + (t * block + i) * kLanes);
    o += block;
  }
}

void bias_gradient(const Planes& d_out, float* d_bias) {
  for (std::int64_t c = 0; c < d_out.channels; ++c) {
    alignas(64) float sum[kLanes];
    for (std::int64_t s = 0; s < kSlices; ++s) {
      V v{};
      for (std::int64_t y = 0; y < d_out.height; ++y) {
        const float* g = d_out.at(c, y, 0) + s * AFU_WIDTH;
        for (std::int64_t x = 0; x < d_out.width; ++x, g += d_out.column) v += load(g);
      }
      store(sum + s * AFU_WIDTH, v);
    }
    d_bias[c] += sum_lanes(sum);
  }
}
