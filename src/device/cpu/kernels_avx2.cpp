// The kernels for AVX2 with FMA: 16 registers of 8 floats.
#include <algorithm>
#include <utility>

#include "device/cpu/variants.hpp"

#ifdef AFU_X86_VECTORS
#pragma GCC target("avx2,fma")

#define AFU_FUSED  // multiplies and adds in one rounding
#define AFU_WIDTH 8
#define AFU_OUT_BLOCK 4
#define AFU_COLUMNS 3
#define AFU_TAPS 4
#define AFU_SUMS 12
#define AFU_FEW_VECTORS 2
#define AFU_ROWS 8

namespace afu::device::cpu {
namespace {
namespace avx2 {
#include "device/cpu/body.hpp"
}  // namespace avx2
}  // namespace

const Kernels& avx2_kernels() {
  static constexpr Kernels kernels = avx2::table("AVX2");
  return kernels;
}

}  // namespace afu::device::cpu

#endif
