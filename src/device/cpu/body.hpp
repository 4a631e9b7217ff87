// What a kernels_*.cpp is made of. It defines AFU_WIDTH (floats a vector) and
// how many sums fit into the registers, AFU_FUSED where it multiplies and adds in one rounding, switches the compiler to its vector
// extension, and includes this inside a namespace of its own.

#include "device/cpu/body_vector.hpp"

// with vectors
#include "device/cpu/body_convolution.hpp"
#include "device/cpu/body_few.hpp"
#include "device/cpu/body_linear.hpp"
#include "device/cpu/body_pool.hpp"
#include "device/cpu/body_products.hpp"

// after pooling
#include "device/cpu/body_group_norm.hpp"

constexpr Kernels table(const char* name) {
  return {name,
          AFU_WIDTH,
          pack,
          pack_reversed,
          convolve,
          filter_gradient,
          pack_few,
          convolve_few,
          filter_gradient_few,
          bias_gradient,
          group_norm,
          group_norm_gradient,
          max_pool,
          max_pool_gradient,
          average_pool,
          average_pool_gradient,
          relu,
          relu_gradient,
          linear,
          linear_input_gradient,
          linear_gradient,
          product,
          product_wide,
          dot,
          dot_wide,
          multiply_add};
}
