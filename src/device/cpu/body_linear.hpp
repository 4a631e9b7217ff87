// Part of a kernels_*.cpp: the linear layer.

constexpr std::int64_t kRows = AFU_ROWS;

template <int Out>
void linear_rows(std::int64_t in, const float* w, const float* bias, const float* x, float* y) {
  V sum[Out];
#pragma GCC unroll 16
  for (int o = 0; o < Out; ++o) sum[o] = same(bias[o]);
  for (std::int64_t i = 0; i < in; ++i) {
    const V v = load(x + i * kLanes);
#pragma GCC unroll 16
    for (int o = 0; o < Out; ++o) sum[o] += v * w[o * in + i];
  }
#pragma GCC unroll 16
  for (int o = 0; o < Out; ++o) store(y + o * kLanes, sum[o]);
}

void linear(std::int64_t in, std::int64_t out, const float* weights, const float* bias, const float* x,
            float* y) {
  for (std::int64_t s = 0; s < kSlices; ++s, x += AFU_WIDTH, y += AFU_WIDTH) {
    std::int64_t o = 0;
    for (; o + kRows <= out; o += kRows)
      linear_rows<AFU_ROWS>(in, weights + o * in, bias + o, x, y + o * kLanes);
    for (; o + 4 <= out; o += 4) linear_rows<4>(in, weights + o * in, bias + o, x, y + o * kLanes);
    for (; o < out; ++o) linear_rows<1>(in, weights + o * in, bias + o, x, y + o * kLanes);
  }
}

/// d x [count] += rows [0, Out) of w; the rows are `in` apart.
template <int Out>
void add_rows(std::int64_t in, std::int64_t count, const float* w, const float* d_y, float* d_x) {
  V d[Out];
#pragma GCC unroll 16
  for (int o = 0; o < Out; ++o) d[o] = load(d_y + o * kLanes);
  for (std::int64_t i = 0; i < count; ++i) {
    V sum = load(d_x + i * kLanes);
#pragma GCC unroll 16
    for (int o = 0; o < Out; ++o) sum += d[o] * w[o * in + i];
    store(d_x + i * kLanes, sum);
  }
}

void linear_input_gradient(std::int64_t in, std::int64_t out, const float* weights, const float* d_y,
                           float* d_x) {
  constexpr std::int64_t kNear = 128;  // inputs at a time: their sums stay in the nearest cache
  std::fill(d_x, d_x + in * kLanes, 0.0f);
  for (std::int64_t i = 0; i < in; i += kNear) {
    const auto count = std::min(kNear, in - i);
    for (std::int64_t s = 0; s < kSlices; ++s) {
      const float *w = weights + i, *d = d_y + s * AFU_WIDTH;
      float* to = d_x + i * kLanes + s * AFU_WIDTH;
      std::int64_t o = 0;
      for (; o + 8 <= out; o += 8) add_rows<8>(in, count, w + o * in, d + o * kLanes, to);
      for (; o < out; ++o) add_rows<1>(in, count, w + o * in, d + o * kLanes, to);
    }
  }
}

/// d w [Out][Width vectors] = or, with `add`, += sum over images of d_y[o][image] *
/// x[image][...].
template <int Out, int Width>
void outer_tile(std::int64_t in, std::int64_t images, const float* x, const float* d_y, bool add,
                float* d_w) {
  V sum[Out][Width];
#pragma GCC unroll 8
  for (int o = 0; o < Out; ++o)
#pragma GCC unroll 8
    for (int j = 0; j < Width; ++j) sum[o][j] = add ? load_any(d_w + o * in + j * AFU_WIDTH) : V{};
  for (std::int64_t b = 0; b < images; ++b) {
#pragma GCC unroll 8
    for (int j = 0; j < Width; ++j) {
      const V v = load_any(x + b * in + j * AFU_WIDTH);
#pragma GCC unroll 8
      for (int o = 0; o < Out; ++o) sum[o][j] += v * d_y[o * kLanes + b];
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < Out; ++o)
#pragma GCC unroll 8
    for (int j = 0; j < Width; ++j) store_any(d_w + o * in + j * AFU_WIDTH, sum[o][j]);
}

template <int Out>
void outer_rows(std::int64_t in, std::int64_t images, const float* x, const float* d_y, bool add,
                float* d_w) {
  constexpr std::int64_t kWide = 4;
  std::int64_t i = 0;
  for (; i + kWide * AFU_WIDTH <= in; i += kWide * AFU_WIDTH)
    outer_tile<Out, kWide>(in, images, x + i, d_y, add, d_w + i);
  for (; i + AFU_WIDTH <= in; i += AFU_WIDTH) outer_tile<Out, 1>(in, images, x + i, d_y, add, d_w + i);
  for (; i < in; ++i)
    for (int o = 0; o < Out; ++o) {
      float sum = add ? d_w[o * in + i] : 0.0f;
      for (std::int64_t b = 0; b < images; ++b) sum = fused(x[b * in + i], d_y[o * kLanes + b], sum);
      d_w[o * in + i] = sum;
    }
}

void linear_gradient(std::int64_t in, std::int64_t out, std::int64_t images, const float* x, const float* d_y,
                     float* scratch, bool add, float* d_weights, float* d_bias) {
  // One row an image: a sum over images then needs no sum across lanes.
  for (std::int64_t i = 0; i < in; ++i)
    for (std::int64_t b = 0; b < images; ++b) scratch[b * in + i] = x[i * kLanes + b];
  std::int64_t o = 0;
  constexpr int kOut = AFU_OUT_BLOCK;
  for (; o + kOut <= out; o += kOut)
    outer_rows<kOut>(in, images, scratch, d_y + o * kLanes, add, d_weights + o * in);
  for (; o < out; ++o) outer_rows<1>(in, images, scratch, d_y + o * kLanes, add, d_weights + o * in);
  for (o = 0; o < out; ++o) {
    float sum = add ? d_bias[o] : 0.0f;
    for (std::int64_t b = 0; b < images; ++b) sum += d_y[o * kLanes + b];
    d_bias[o] = sum;
  }
}
