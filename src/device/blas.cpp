#include "device/blas.hpp"

#include <ATen/Version.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdint>
#include <stdexcept>

#include "device/cpu/kernels.hpp"
#include "device/loaded_symbol.hpp"

namespace afu::device {

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
  return core ? better_blas_core(core(), cpu::kernels().name) : "";
}

std::string blas_advice() {
  const auto core = better_blas_core();
  if (core.empty()) return "";
  return fmt::format(
      "OpenBLAS does not know this processor and takes its slowest kernels; with OPENBLAS_CORETYPE={} in the "
      "environment products by LibTorch are faster (afu's fused step does not use it)",
      core);
}

void require_blas_buffers(int threads) {
  if (!loaded_symbol<char* (*)()>("openblas_get_config")) return;
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  constexpr std::size_t buffer = (std::size_t{128} << 20) + (8 << 10);
  const auto bytes = buffer * static_cast<std::size_t>(threads);
  if (threads <= 0) return;
  const auto mapped =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    throw std::runtime_error(
        fmt::format("ulimit -v is {} MiB, which does not leave the 128 MiB of addresses that OpenBLAS needs "
                    "for each thread that "
                    "computes (here {}); it would wait for them for ever",
                    static_cast<std::uint64_t>(limit.rlim_cur) >> 20, threads));
  munmap(mapped, bytes);
}

void use_one_blas_thread() {
  if (const auto set_threads = loaded_symbol<void (*)(int)>("openblas_set_num_threads")) set_threads(1);
}

}  // namespace afu::device
