#pragma once
/// The compiled variants of the kernels. Those for vector extensions of x86-64
/// need GCC's target pragma.
#include "device/cpu/kernels.hpp"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define AFU_X86_VECTORS 1
#endif

namespace afu::device::cpu {

const Kernels& plain_kernels();
#ifdef AFU_X86_VECTORS
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
#endif

}  // namespace afu::device::cpu
