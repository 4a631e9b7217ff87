#include "device/cpu/kernels.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "base/input_error.hpp"
#include "device/cpu/variants.hpp"

namespace afu::device::cpu {
namespace {

struct Found {
  std::array<const Kernels*, 3> kernels{};
  int count = 0;
  void add(const Kernels& k) { kernels[static_cast<std::size_t>(count++)] = &k; }
};

const Found& found() {
  static const Found all = [] {
    Found f;
#ifdef AFU_X86_VECTORS
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
      f.add(avx512_kernels());
    if (avx2) f.add(avx2_kernels());
#endif
    f.add(plain_kernels());
    return f;
  }();
  return all;
}

const Kernels& chosen() {
  const char* wanted = std::getenv("AFU_KERNELS");
  if (!wanted || !*wanted) return *found().kernels[0];
  std::string names;
  for (int i = 0; i < found().count; ++i) {
    const auto& k = *found().kernels[static_cast<std::size_t>(i)];
    if (std::string(wanted) == k.name) return k;
    names += (i > 0 ? ", " : "") + std::string(k.name);
  }
  throw InputError(fmt::format("AFU_KERNELS is \"{}\"; this processor has: {}", wanted, names));
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& k = chosen();
  return k;
}
const Kernels* const* all_kernels(int& count) {
  count = found().count;
  return found().kernels.data();
}

}  // namespace afu::device::cpu
