#include "device/numerics.hpp"
#include "config/sections/compute.hpp"

#include <ATen/Context.h>
#include <torch/version.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

namespace afu::device {
namespace {

// 2.9 replaced the two TF32 flags by a table, and complains where both are used.
#define AFU_TORCH_HAS_PRECISION_TABLE (TORCH_VERSION_MAJOR * 100 + TORCH_VERSION_MINOR >= 209)

void set_tf32(bool on) {
  auto& torch = at::globalContext();
#if AFU_TORCH_HAS_PRECISION_TABLE
  const auto precision = on ? at::Float32Precision::TF32 : at::Float32Precision::IEEE;
  for (const auto op : {at::Float32Op::MATMUL, at::Float32Op::CONV, at::Float32Op::RNN})
    torch.setFloat32Precision(at::Float32Backend::CUDA, op, precision);
#else
  torch.setAllowTF32CuBLAS(on);
  torch.setAllowTF32CuDNN(on);
#endif
}

bool is_tf32() {
  const auto& torch = at::globalContext();
#if AFU_TORCH_HAS_PRECISION_TABLE
  return torch.float32Precision(at::Float32Backend::CUDA, at::Float32Op::MATMUL) ==
         at::Float32Precision::TF32;
#else
  return torch.allowTF32CuBLAS();
#endif
}

void apply(const Switches& s) {
  auto& torch = at::globalContext();
  set_tf32(s.tf32);
  // cuBLAS reads it when a thread's handle is made, and gives the same bits on several streams only with it.
  if (s.deterministic) setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
  torch.setDeterministicAlgorithms(s.deterministic, /*warn_only=*/false);
  torch.setDeterministicCuDNN(s.deterministic);
  // Trying algorithms out would choose by the clock, and frees memory while another lane may be recording a
  // graph, which CUDA does not allow. It gained nothing with the small networks either (measured on an H100).
  torch.setBenchmarkCuDNN(false);
#if TORCH_VERSION_MAJOR * 100 + TORCH_VERSION_MINOR >= 202
  torch.setDeterministicFillUninitializedMemory(
      false);  // a debugging aid that costs a pass over every new tensor
#endif
}

struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  int holders = 0;
  Switches now;
};
Shared& shared() {
  static Shared s;
  return s;
}

}  // namespace

Switches switches_of(const config::ComputeSection& section, const std::vector<std::string>& devices) {
  const bool gpu = std::any_of(devices.begin(), devices.end(), [](const auto& d) { return d != "cpu"; });
  return {gpu && section.precision == config::Precision::tf32, gpu && section.deterministic};
}

NumericsLease::NumericsLease(const Switches& wanted) {
  auto& s = shared();
  std::unique_lock<std::mutex> lock(s.mutex);
  s.changed.wait(lock, [&] { return s.holders == 0 || s.now == wanted; });
  if (s.holders++ > 0) return;
  s.now = wanted;
  apply(wanted);
}

NumericsLease::~NumericsLease() {
  auto& s = shared();
  std::lock_guard<std::mutex> lock(s.mutex);
  if (--s.holders == 0) s.changed.notify_all();
}

Switches current_switches() { return {is_tf32(), at::globalContext().deterministicAlgorithms()}; }

}  // namespace afu::device
