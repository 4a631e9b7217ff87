#pragma once
/// The arithmetic of the fused step, compiled once for each vector extension.
/// All sums run in a fixed order that depends on the shapes alone: results are
/// the same bits in every run, thread and place in memory, and the same with
/// AVX2 as with AVX-512, which both multiply and add in one rounding (the
/// kernels for 128 bits cannot). `data` of every
/// Planes and every scratch array is aligned to 64 bytes. Gradients of
/// parameters are added to what is there.
#include <cstddef>
#include <cstdint>

#include "device/cpu/planes.hpp"

namespace afu::device::cpu {

/// A square filter over `in` channels, its weights [out, in, kernel, kernel].
struct Filter {
  std::int64_t in = 0, out = 0, kernel = 1, stride = 1;
  std::int64_t size() const { return in * out * kernel * kernel; }
};

struct Norm {
  std::int64_t groups = 1;
  std::int64_t pool = 1;   ///< side of the windows whose maximum is taken; 1: none are
  bool then_relu = false;  ///< only with pool > 1
};

/// What max pooling keeps for the way back, as large as its output: of each
/// window the value that was its maximum, as it was read, and where in the
/// window that stood (an int32 in the float's place; -1: ReLU gave 0, no
/// gradient goes back).
struct Maxima {
  Planes value, place;
};

inline std::int64_t round_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }

/// Floats of scratch for `images` of a result of height x width.
inline std::int64_t few_scratch(const Filter& f, std::int64_t height, std::int64_t width,
                                std::int64_t images) {
  return round_up(images * f.in * (height + f.kernel - 1) * (width + f.kernel - 1), kLanes) +
         images * f.out * height * width + f.size();
}

/// c = alpha * op(a) op(b) + beta * c as BLAS has it: matrices stand column by column, columns `pitch` values
/// apart; a transposed factor is the transpose of what stands there. c [rows, columns]; where beta is 0, c is
/// not read.
template <class Real>
struct Product {
  static constexpr std::int64_t kInner = 256;    ///< products added up before they are added to c
  static constexpr std::int64_t kColumns = 512;  ///< packed at once
  /// Bytes of scratch, aligned to 64.
  static constexpr std::size_t kScratch = kInner * (64 + kColumns) * sizeof(Real);

  bool a_transposed = false, b_transposed = false;
  std::int64_t rows = 0, columns = 0, inner = 0;
  Real alpha = 1;
  const Real* a = nullptr;
  std::int64_t a_pitch = 0;
  const Real* b = nullptr;
  std::int64_t b_pitch = 0;
  Real beta = 0;
  Real* c = nullptr;
  std::int64_t c_pitch = 0;
};

struct Kernels {
  const char* name;    ///< the vector extension
  std::int64_t width;  ///< floats a vector

  // -- convolution. `in` is the image with its margin: its (0, 0) is what the
  // filter's corner first sees.

  /// Reorders weights for `convolve`; packed [filter.size()].
  void (*pack)(const Filter& filter, const float* weights, float* packed);
  /// The same for the way back: the filter that turns gradients of the output
  /// into those of the input, with in and out exchanged and both axes reversed.
  void (*pack_reversed)(const Filter& filter, const float* weights, float* packed);
  /// out = bias + filter * in. `bias` may be null.
  void (*convolve)(const Filter& filter, const float* packed, const float* bias, const Planes& in,
                   const Planes& out);
  /// d weights, from the gradient of the output. scratch [filter.size() *
  /// kLanes].
  void (*filter_gradient)(const Filter& filter, const Planes& in, const Planes& d_out, float* scratch,
                          float* d_weights);

  // The same where only the first `images` lanes hold an image and suits_few() says so.

  /// Whether going through `images` one by one is faster than through all lanes. A multiply-add costs the
  /// same; laying a pixel of a channel out and back costs as much as 48 (measured with AVX-512: the speeds
  /// cross at 9 images of a 16 to 32 channel 3x3 filter, and at 14 of a 32 to 64 channel one). The way must
  /// not depend on the vectors' width, since gradients are summed in another order on each.
  bool suits_few(const Filter& f, std::int64_t images) const {
    const auto laying = 48 * (f.in + f.out);
    return f.stride == 1 && f.out % kLanes == 0 && images * (f.size() + laying) < kLanes * f.size();
  }
  /// Reorders weights, of `filter` or of what pack_reversed makes of it.
  void (*pack_few)(const Filter& filter, bool reversed, const float* weights, float* packed);
  /// The other lanes of `out` become the last image's values; zeros, where `gradients` are convolved. scratch
  /// [few_scratch].
  void (*convolve_few)(const Filter& filter, const float* packed, const float* bias, const Planes& in,
                       std::int64_t images, bool gradients, float* scratch, const Planes& out);
  void (*filter_gradient_few)(const Filter& filter, const Planes& in, const Planes& d_out,
                              std::int64_t images, float* scratch, float* d_weights);

  /// d bias[c] = the sum of channel c.
  void (*bias_gradient)(const Planes& d_out, float* d_bias);

  // -- group normalisation (epsilon 1e-5), and the max pooling and ReLU that
  // follow it. kept [2 * groups * kLanes]: mean and 1 / standard deviation, for
  // the way back. Maxima: only with pooling.

  void (*group_norm)(const Norm& norm, const Planes& in, const float* weight, const float* bias, float* kept,
                     const Maxima& maxima, const Planes& out);
  /// scratch [2 * channels * kLanes]. `d_in` without data: it is not wanted.
  void (*group_norm_gradient)(const Norm& norm, const Planes& in, const float* weight, const float* kept,
                              const Maxima& maxima, const Planes& d_out, float* scratch, float* d_weight,
                              float* d_bias, const Planes& d_in);

  // -- without parameters. A window is size x size, and the next begins where
  // it ends.

  void (*max_pool)(const Planes& in, std::int64_t size, bool then_relu, const Maxima& maxima,
                   const Planes& out);
  /// What no window covers is left alone.
  void (*max_pool_gradient)(const Maxima& maxima, std::int64_t size, const Planes& d_out, const Planes& d_in);
  /// Over the whole image.
  void (*average_pool)(const Planes& in, const Planes& out);
  void (*average_pool_gradient)(const Planes& d_out, const Planes& d_in);
  void (*relu)(const Planes& x);  ///< in place
  void (*relu_gradient)(const Planes& out, const Planes& d);

  // -- linear: x [in, kLanes] -> [out, kLanes], weights [out, in].

  void (*linear)(std::int64_t in, std::int64_t out, const float* weights, const float* bias, const float* x,
                 float* y);
  /// d x; x and d x [in, kLanes].
  void (*linear_input_gradient)(std::int64_t in, std::int64_t out, const float* weights, const float* d_y,
                                float* d_x);
  /// d weights and d bias, from the first `images` lanes, added only with `add`: the weights of a wide layer
  /// are most of a network, and clearing their gradients first would cost as much again. scratch
  /// [in * kLanes].
  void (*linear_gradient)(std::int64_t in, std::int64_t out, std::int64_t images, const float* x,
                          const float* d_y, float* scratch, bool add, float* d_weights, float* d_bias);

  // -- for LibTorch's operators: device/products.hpp.

  void (*product)(const Product<float>& product, void* scratch);
  void (*product_wide)(const Product<double>& product, void* scratch);
  /// Sum of x[i * x_step] * y[i * y_step] for i < n.
  double (*dot)(std::int64_t n, const float* x, std::int64_t x_step, const float* y, std::int64_t y_step);
  double (*dot_wide)(std::int64_t n, const double* x, std::int64_t x_step, const double* y,
                     std::int64_t y_step);

  /// Multiply-adds in registers, so many rounds of them: the most that the
  /// processor can do. Returns how many floating-point operations they were.
  double (*multiply_add)(std::int64_t rounds);
};

/// The best that this processor has, or those that AFU_KERNELS in the environment names. Throws
/// InputError where it names none that this processor can run.
const Kernels& kernels();
/// All that were compiled and this processor can run, the best first.
const Kernels* const* all_kernels(int& count);

}  // namespace afu::device::cpu
