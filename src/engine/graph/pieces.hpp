#pragma once
/// What a step does between convolutions and matrix products, each piece as one kernel where LibTorch's
/// operators need several: a small network's step on a GPU is bound by the number of its kernels. For the GPU
/// they are written in CUDA and there where nvcc was when afu was built; on the host they are plain loops
/// with the same interface, so that what is built on them can be tested there.
///
/// All arrays are contiguous and on the device; work is queued on `stream` (a cudaStream_t; ignored on the
/// host). No torch in this header.
#include <cstdint>

namespace afu::engine::graph {

/// Rows order[*cursor ...] of a resident pool as a normalised batch, (x/255 - 0.5)/0.5.
struct Gather {
  const std::int64_t *order, *cursor;
  const std::uint8_t* pixels;  ///< [N, size]
  const std::int64_t* labels;  ///< [N]
  std::int64_t count, size;
  float* images;         ///< [count, size]
  std::int64_t* chosen;  ///< [count] labels
};

/// out = relu(max_pool(x + bias)): of [images, channels, height, width] windows of pool x pool with as large
/// a stride; pixels that fill no window are left out. A vector of features is a plane of 1 x 1.
struct Activation {
  std::int64_t images = 0, channels = 0, height = 1, width = 1;
  std::int64_t pool = 1;  ///< up to 15; 1: none
  bool relu = false;

  std::int64_t out_height() const { return height / pool; }
  std::int64_t out_width() const { return width / pool; }
  std::int64_t planes() const { return images * channels; }
};

/// Mean cross entropy over the rows.
struct CrossEntropy {
  std::int64_t rows, classes;
  const float* logits;         ///< [rows, classes]
  const std::int64_t* labels;  ///< [rows]
  const float* factor;         ///< [], of the gradient; null: 1
  float* gradient;             ///< [rows, classes]
  float* loss;                 ///< [], grows by the rows' sum
  std::int64_t* cursor;        ///< [], grows by the number of rows
};

/// out = the sum of coefficient[i] * vector[i], or out + that sum.
struct Terms {
  static constexpr int kMost = 32;
  int count = 0;
  const float* vector[kMost];
  float coefficient[kMost];
  bool add = false;  ///< to what `out` holds
};

struct Pieces {
  void* (*stream)();  ///< the calling thread's current one of its current GPU; null on the host
  void (*gather)(const Gather&, void* stream);
  /// `bias` [channels] or null; `where` gets the place of each largest value in its window, row by row, and
  /// is not looked at where pool is 1. Not a number is larger than any.
  void (*activate)(const Activation&, const float* x, const float* bias, float* out, std::uint8_t* where,
                   void* stream);
  /// `gradient` with respect to out -> `dx` with respect to x, all of it written; `sums` [images, channels]
  /// gets each plane's sum, unless it is null.
  void (*deactivate)(const Activation&, const float* out, const std::uint8_t* where, const float* gradient,
                     float* dx, float* sums, void* stream);
  void (*cross_entropy)(const CrossEntropy&, void* stream);
  void (*weighted_sum)(const Terms&, std::int64_t size, float* out, void* stream);
};

const Pieces& host_pieces();
/// Null where this build has none. Calls throw std::runtime_error where a kernel cannot be launched.
const Pieces* cuda_pieces();

}  // namespace afu::engine::graph
