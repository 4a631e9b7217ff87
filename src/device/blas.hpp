#pragma once
/// The BLAS behind LibTorch's matrix products on the CPU. No torch in this header.
#include <string>

namespace afu::device {

/// Name, version and the processor that its kernels are for.
std::string blas_version();

/// The processor that OpenBLAS is to take its kernels for, on a machine with `vectors`
/// (cpu::Kernels::name), where it took those of `core` by itself. Empty where these are good.
/// OpenBLAS takes its slowest kernels, "Prescott", for a processor that it does not know, as older versions
/// do not know newer ones. On a Xeon of 2023 OpenBLAS 0.3.21 multiplies 768 x 768 matrices at 29 GFLOP/s by
/// itself, at 150 when told (measured).
std::string better_blas_core(const std::string& core, const std::string& vectors);

/// What better_blas_core has for this process: a value for OPENBLAS_CORETYPE, which is read before main.
std::string better_blas_core();
/// The same as a line for the user.
std::string blas_advice();

/// Throws std::runtime_error where the address space is limited (ulimit -v) and the buffers that OpenBLAS
/// takes for each thread that multiplies do not fit into it, `threads` times: it would try again for ever.
void require_blas_buffers(int threads);

/// One thread for its products: parallelism comes from lanes.
void use_one_blas_thread();

}  // namespace afu::device
