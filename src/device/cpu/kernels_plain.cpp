// The kernels for any processor: vectors of 4 floats, which x86-64 and ARM always have.
#include <algorithm>
#include <utility>

#include "device/cpu/variants.hpp"

#define AFU_WIDTH 4
#define AFU_OUT_BLOCK 4
#define AFU_COLUMNS 3
#define AFU_TAPS 4
#define AFU_SUMS 12
#define AFU_FEW_VECTORS 2
#define AFU_ROWS 8

namespace afu::device::cpu {
namespace {
namespace plain {
#include "device/cpu/body.hpp"
}  // namespace plain
}  // namespace

const Kernels& plain_kernels() {
  static constexpr Kernels kernels = plain::table("128 bit");
  return kernels;
}

}  // namespace afu::device::cpu
