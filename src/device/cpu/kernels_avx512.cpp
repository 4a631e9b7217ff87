// The kernels for AVX-512: 32 registers of 16 floats.
#include <algorithm>
#include <utility>

#include "device/cpu/variants.hpp"

#ifdef AFU_X86_VECTORS
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,prefer-vector-width=512")

#define AFU_FUSED  // multiplies and adds in one rounding
#define AFU_WIDTH 16
#define AFU_OUT_BLOCK 4
#define AFU_COLUMNS 7
#define AFU_TAPS 5
#define AFU_SUMS 24
#define AFU_FEW_VECTORS 4
#define AFU_ROWS 16

namespace afu::device::cpu {
namespace {
namespace avx512 {
#include "device/cpu/body.hpp"
}  // namespace avx512
}  // namespace

const Kernels& avx512_kernels() {
  static constexpr Kernels kernels = avx512::table("AVX-512");
  return kernels;
}

}  // namespace afu::device::cpu

#endif
