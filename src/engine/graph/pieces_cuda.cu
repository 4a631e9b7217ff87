// Compiled in the CUDA flavour where there is an nvcc.
#include <cuda_runtime_api.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "engine/graph/pieces.hpp"

namespace afu::engine::graph {

void* current_stream();  // capture_cuda.cpp: LibTorch's headers are not for nvcc

namespace {

constexpr unsigned kThreads = 256, kWarp = 32, kAllLanes = 0xffffffffu;

void check(const char* what) {
  if (const auto error = cudaGetLastError(); error != cudaSuccess)
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error));
}

unsigned blocks(std::int64_t threads, std::int64_t a_block = kThreads) {
  const auto n = (threads + a_block - 1) / a_block;
  if (threads > std::numeric_limits<std::int32_t>::max())
    throw std::runtime_error("a batch of " + std::to_string(threads) + " values is too large for one kernel");
  return static_cast<unsigned>(n);
}

cudaStream_t as_stream(void* s) { return static_cast<cudaStream_t>(s); }

__device__ float warp_sum(float v) {
  for (int step = kWarp / 2; step > 0; step /= 2) v += __shfl_xor_sync(kAllLanes, v, step);
  return v;
}

__device__ float warp_max(float v) {
  for (int step = kWarp / 2; step > 0; step /= 2) v = fmaxf(v, __shfl_xor_sync(kAllLanes, v, step));
  return v;
}

/// Of all threads of the block, in a fixed order; for thread 0.
__device__ float block_sum(float v) {
  __shared__ float of_warp[kThreads / kWarp];
  v = warp_sum(v);
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = v;
  __syncthreads();
  if (threadIdx.x > 0) return 0;
  float sum = 0;
  for (unsigned w = 0; w < blockDim.x / kWarp; ++w) sum += of_warp[w];
  return sum;
}

// --- a batch: a block for a piece of an image

constexpr unsigned kPiece = 4 * kThreads;

__global__ void gather_kernel(Gather g) {
  const auto row = g.order[*g.cursor + blockIdx.x];
  if (blockIdx.y == 0 && threadIdx.x == 0) g.chosen[blockIdx.x] = g.labels[row];
  const auto* in = g.pixels + row * g.size;
  auto* out = g.images + blockIdx.x * g.size;
  const auto begin = static_cast<std::int64_t>(blockIdx.y) * kPiece;
  const auto end = min(g.size, begin + kPiece);
  for (auto i = begin + threadIdx.x; i < end; i += kThreads)
    out[i] = fmaf(static_cast<float>(in[i]), 2.0f / 255, -1.0f);
}

void gather(const Gather& g, void* stream) {
  const dim3 grid(blocks(g.count, 1), blocks(g.size, kPiece));
  gather_kernel<<<grid, kThreads, 0, as_stream(stream)>>>(g);
  check("gather");
}

// --- bias, pooling and ReLU

/// The dimensions as kernels count: 32 bits, whose divisions are fast.
struct Shape {
  unsigned channels, height, width, out_height, out_width, pool;
  bool relu;
};

Shape shape_of(const Activation& a) {
  return {static_cast<unsigned>(a.channels),
          static_cast<unsigned>(a.height),
          static_cast<unsigned>(a.width),
          static_cast<unsigned>(a.out_height()),
          static_cast<unsigned>(a.out_width()),
          static_cast<unsigned>(a.pool),
          a.relu};
}

/// A thread for each output. `Pool` 0: s.pool.
template <unsigned Pool>
__global__ void activate_kernel(Shape s, unsigned count, const float* __restrict__ x,
                                const float* __restrict__ bias, float* __restrict__ out,
                                std::uint8_t* __restrict__ where) {
  const unsigned i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  const unsigned k = Pool ? Pool : s.pool;
  const unsigned plane = i / (s.out_height * s.out_width), in_plane = i % (s.out_height * s.out_width);
  float largest;
  if (k == 1) {
    largest = x[i];
  } else {
    const unsigned row = in_plane / s.out_width, column = in_plane % s.out_width;
    const auto* window = x + (plane * s.height + row * k) * s.width + column * k;
    unsigned best = 0;
    largest = window[0];
#pragma unroll
    for (unsigned at = 1; at < k * k; ++at) {
      const float v = window[at / k * s.width + at % k];
      if (v > largest || isnan(v)) largest = v, best = at;
    }
    where[i] = static_cast<std::uint8_t>(best);
  }
  if (bias) largest += bias[plane % s.channels];
  out[i] = s.relu && largest < 0 ? 0.0f : largest;
}

void activate(const Activation& a, const float* x, const float* bias, float* out, std::uint8_t* where,
              void* stream) {
  const auto count = a.planes() * a.out_height() * a.out_width();
  static_cast<void>(blocks(a.planes() * a.height * a.width));
  const auto kernel = a.pool == 1   ? activate_kernel<1>
                      : a.pool == 2 ? activate_kernel<2>
                                    : activate_kernel<0>;
  kernel<<<blocks(count), kThreads, 0, as_stream(stream)>>>(shape_of(a), static_cast<unsigned>(count), x,
                                                            bias, out, where);
  check("activate");
}

/// A thread for each value, where planes have one value each.
__global__ void deactivate_features_kernel(unsigned count, bool relu, const float* __restrict__ out,
                                           const float* __restrict__ gradient, float* __restrict__ dx,
                                           float* __restrict__ sums) {
  const unsigned i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  const float g = relu && out[i] <= 0 ? 0.0f : gradient[i];
  dx[i] = g;
  if (sums) sums[i] = g;
}

/// A block for each plane.
template <unsigned Pool>
__global__ void deactivate_kernel(Shape s, const float* __restrict__ out,
                                  const std::uint8_t* __restrict__ where, const float* __restrict__ gradient,
                                  float* __restrict__ dx, float* __restrict__ sums) {
  const unsigned k = Pool ? Pool : s.pool;
  const unsigned outputs = s.out_height * s.out_width;
  out += blockIdx.x * outputs;
  gradient += blockIdx.x * outputs;
  if (k > 1) where += blockIdx.x * outputs;
  dx += blockIdx.x * s.height * s.width;
  float sum = 0;
  for (unsigned i = threadIdx.x; i < outputs; i += blockDim.x) {
    const float g = s.relu && out[i] <= 0 ? 0.0f : gradient[i];
    sum += g;
    if (k == 1) {
      dx[i] = g;
      continue;
    }
    auto* window = dx + i / s.out_width * k * s.width + i % s.out_width * k;
    const unsigned best = where[i];
#pragma unroll
    for (unsigned at = 0; at < k * k; ++at) window[at / k * s.width + at % k] = at == best ? g : 0.0f;
  }
  if (k > 1) {  // what fills no window
    const unsigned covered_rows = s.out_height * k, covered_columns = s.out_width * k;
    for (unsigned i = covered_rows * s.width + threadIdx.x; i < s.height * s.width; i += blockDim.x)
      dx[i] = 0;
    const unsigned rest = s.width - covered_columns;
    for (unsigned i = threadIdx.x; i < rest * covered_rows; i += blockDim.x)
      dx[i / rest * s.width + covered_columns + i % rest] = 0;
  }
  if (!sums) return;
  sum = block_sum(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

void deactivate(const Activation& a, const float* out, const std::uint8_t* where, const float* gradient,
                float* dx, float* sums, void* stream) {
  const auto outputs = a.out_height() * a.out_width();
  static_cast<void>(blocks(a.planes() * a.height * a.width));
  if (a.height * a.width == 1) {
    deactivate_features_kernel<<<blocks(a.planes()), kThreads, 0, as_stream(stream)>>>(
        static_cast<unsigned>(a.planes()), a.relu, out, gradient, dx, sums);
  } else {
    const auto kernel = a.pool == 1   ? deactivate_kernel<1>
                        : a.pool == 2 ? deactivate_kernel<2>
                                      : deactivate_kernel<0>;
    const unsigned threads = outputs > 128 ? kThreads : outputs > 32 ? 64 : kWarp;
    kernel<<<blocks(a.planes(), 1), threads, 0, as_stream(stream)>>>(shape_of(a), out, where, gradient, dx,
                                                                     sums);
  }
  check("deactivate");
}

// --- the loss: one block, a warp for each row in turn

__global__ void cross_entropy_kernel(CrossEntropy c) {
  const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const float scale = (c.factor ? *c.factor : 1.0f) / static_cast<float>(c.rows);
  float losses = 0;
  for (std::int64_t r = warp; r < c.rows; r += kThreads / kWarp) {
    const auto* x = c.logits + r * c.classes;
    auto* g = c.gradient + r * c.classes;
    float largest = -INFINITY;
    for (auto i = static_cast<std::int64_t>(lane); i < c.classes; i += kWarp) largest = fmaxf(largest, x[i]);
    largest = warp_max(largest);
    float sum = 0;
    for (auto i = static_cast<std::int64_t>(lane); i < c.classes; i += kWarp) sum += expf(x[i] - largest);
    sum = warp_sum(sum);
    const auto label = c.labels[r];
    for (auto i = static_cast<std::int64_t>(lane); i < c.classes; i += kWarp)
      g[i] = (expf(x[i] - largest) / sum - (i == label ? 1.0f : 0.0f)) * scale;
    if (lane == 0) losses += logf(sum) + largest - x[label];
  }
  losses = block_sum(losses);
  if (threadIdx.x > 0) return;
  *c.loss += losses;
  *c.cursor += c.rows;
}

void cross_entropy(const CrossEntropy& c, void* stream) {
  cross_entropy_kernel<<<1, kThreads, 0, as_stream(stream)>>>(c);
  check("cross_entropy");
}

// --- sums of whole vectors

__global__ void weighted_sum_kernel(Terms t, std::int64_t size, float* __restrict__ out) {
  // Four values a thread where all vectors allow it, then what is left.
  const auto thread = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const auto threads = static_cast<std::int64_t>(gridDim.x) * kThreads;
  bool aligned = reinterpret_cast<std::uintptr_t>(out) % sizeof(float4) == 0;
  for (int k = 0; k < t.count; ++k)
    aligned &= reinterpret_cast<std::uintptr_t>(t.vector[k]) % sizeof(float4) == 0;
  const std::int64_t fours = aligned ? size / 4 : 0;
  for (auto i = thread; i < fours; i += threads) {
    float4 sum = t.add ? reinterpret_cast<const float4*>(out)[i] : float4{0, 0, 0, 0};
    for (int k = 0; k < t.count; ++k) {
      const auto v = reinterpret_cast<const float4*>(t.vector[k])[i];
      const float c = t.coefficient[k];
      sum.x += c * v.x, sum.y += c * v.y, sum.z += c * v.z, sum.w += c * v.w;
    }
    reinterpret_cast<float4*>(out)[i] = sum;
  }
  for (auto i = 4 * fours + thread; i < size; i += threads) {
    float sum = t.add ? out[i] : 0.0f;
    for (int k = 0; k < t.count; ++k) sum += t.coefficient[k] * t.vector[k][i];
    out[i] = sum;
  }
}

void weighted_sum(const Terms& t, std::int64_t size, float* out, void* stream) {
  if (size == 0) return;
  constexpr std::int64_t kMostBlocks = 4096;
  const auto wanted = (size + 4 * kThreads - 1) / (4 * kThreads);
  weighted_sum_kernel<<<static_cast<unsigned>(wanted < kMostBlocks ? wanted : kMostBlocks), kThreads, 0,
                        as_stream(stream)>>>(t, size, out);
  check("weighted_sum");
}

}  // namespace

const Pieces* cuda_pieces() {
  static const Pieces pieces{current_stream, gather, activate, deactivate, cross_entropy, weighted_sum};
  return &pieces;
}

}  // namespace afu::engine::graph
