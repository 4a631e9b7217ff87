#include "compute/blas.hpp"

#include <ATen/Version.h>
#include <fmt/format.h>

#include "compute/fused/kernels.hpp"
#include "compute/loaded_symbol.hpp"

namespace afu::compute {

std::string blas_version() {
  if (const auto config = loaded_symbol<char* (*)()>("openblas_get_config")) return config();
  return at::get_mkl_version();
}

std::string better_blas_core(const std::string& core, const std::string& vectors) {
  if (core != "Prescott") return "";
  return vectors == "AVX-512" ? "SkylakeX" : vectors == "AVX2" ? "Haswell" : "";
}

std::string better_blas_core() {
  const auto core = loaded_symbol<char* (*)()>("openblas_get_corename");
  return core ? better_blas_core(core(), fused::kernels().name) : "";
}

std::string blas_advice() {
  const auto core = better_blas_core();
  if (core.empty()) return "";
  return fmt::format(
      "OpenBLAS does not know this processor and takes its slowest kernels; with OPENBLAS_CORETYPE={} in the "
      "environment products by LibTorch are faster (afu's fused step does not use it)",
      core);
}

void use_one_blas_thread() {
  if (const auto set_threads = loaded_symbol<void (*)(int)>("openblas_set_num_threads")) set_threads(1);
}

}  // namespace afu::compute
