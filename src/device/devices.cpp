#include "device/devices.hpp"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/AutogradState.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <malloc.h>
#include <sys/resource.h>
#include <torch/version.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "afu_revision.hpp"
#include "base/limits.hpp"
#include "device/blas.hpp"
#include "device/cpu/kernels.hpp"

#ifdef AFU_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

#include "device/loaded_symbol.hpp"
#endif

namespace afu::device {
namespace {

/// What follows "key :" in a file of /proc; empty where there is none.
std::string proc_field(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, key.size(), key) != 0) continue;
    const auto begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

DeviceInfo cpu_info() {
  DeviceInfo info;
  info.name = "cpu";
  info.description = proc_field("/proc/cpuinfo", "model name");
  if (info.description.empty()) info.description = "unknown processor";
  const auto limits = base::limits();
  info.memory_bytes = limits.memory_bytes;
  info.memory_reason = limits.memory_reason;
  info.free_bytes = limits.free_bytes;
  info.cores_or_sms = limits.processors;
  info.cores_reason = limits.processors_reason;
  return info;
}

/// The vector extension that LibTorch's operators are compiled for, of those it holds: "AVX2".
std::string torch_vectors() {
  const std::string text = at::show_config(), key = "CPU capability usage: ";
  const auto at = text.find(key);
  if (at == std::string::npos) return "unknown";
  const auto begin = at + key.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

int gpu_count() {
#ifdef AFU_CUDA
  return c10::cuda::device_count();
#else
  return 0;
#endif
}

#ifdef AFU_CUDA
DeviceInfo gpu_info(int index) {
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, index));
  std::size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return {fmt::format("cuda:{}", index),
          properties.name,
          static_cast<std::int64_t>(total),
          static_cast<std::int64_t>(free),
          properties.multiProcessorCount,
          {},
          {}};
}

std::string cuda_version(int v) { return v == 0 ? "none" : fmt::format("{}.{}", v / 1000, v % 1000 / 10); }
#endif

/// For LibTorch's operators in this thread.
void use_one_operator_thread() {
  at::init_num_threads();
  if (at::get_num_threads() != 1) at::set_num_threads(1);
}

std::vector<std::string> device_names() {
  std::vector<std::string> names{"cpu"};
  for (int i = 0; i < gpu_count(); ++i) names.push_back(fmt::format("cuda:{}", i));
  return names;
}

}  // namespace

std::vector<DeviceInfo> list_devices() {
  std::vector<DeviceInfo> devices;
  for (const auto& name : device_names()) devices.push_back(device_info(name));
  return devices;
}

DeviceInfo device_info(const std::string& name) {
  const auto resolved = resolve_devices({name});
  if (resolved.size() != 1)
    throw std::runtime_error(fmt::format("\"{}\" names {} devices, not one", name, resolved.size()));
#ifdef AFU_CUDA
  if (resolved[0] != "cpu") return gpu_info(std::atoi(resolved[0].c_str() + std::string("cuda:").size()));
#endif
  return cpu_info();
}

std::vector<std::string> resolve_devices(const std::vector<std::string>& wanted) {
  const auto names = device_names();
  std::vector<std::string> resolved;
  for (const auto& entry : wanted) {
    if (entry == "cuda" && names.size() > 1) {
      resolved.insert(resolved.end(), names.begin() + 1, names.end());
    } else if (std::find(names.begin(), names.end(), entry) != names.end()) {
      resolved.push_back(entry);
    } else {
      auto message =
          fmt::format("device \"{}\" is not available; available: {}", entry, fmt::join(names, ", "));
      if (names.size() > 1) message += ", cuda (all GPUs)";
#ifndef AFU_CUDA
      if (entry.compare(0, 4, "cuda") == 0)
        message += " (this afu is built without CUDA: tools/setup.sh --cuda)";
#endif
      throw std::runtime_error(message);
    }
  }
  return resolved;
}

int admissible_lanes(const DeviceInfo& device, int wanted, std::int64_t bytes_per_lane) {
  if (wanted <= 0) return 0;
  if (bytes_per_lane <= 0) return wanted;
  const std::int64_t usable = device.free_bytes - device.free_bytes / 10;
  return static_cast<int>(std::min<std::int64_t>(wanted, usable / bytes_per_lane));
}

std::int64_t allocated_peak(const std::string& device) {
  const auto name = device_info(device).name;
#ifdef AFU_CUDA
  if (name != "cpu") {
    const auto index = std::atoi(name.c_str() + std::string("cuda:").size());
    // The first entry of a StatArray is the aggregate of both pools, in every LibTorch.
    return c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(index))
        .allocated_bytes[0]
        .peak;
  }
#endif
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

std::vector<std::pair<std::string, std::string>> library_versions() {
  std::vector<std::pair<std::string, std::string>> versions{
      {"afu", fmt::format("{} ({})", AFU_VERSION, AFU_REVISION)},
      {"LibTorch", fmt::format("{}.{}.{}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH)},
      {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"BLAS", blas_version()},
      {"kernels", cpu::kernels().name},
      {"LibTorch's vectors", torch_vectors()}};
#ifdef AFU_CUDA
  // 0 where it fails, as it does without a driver (where C10_CUDA_CHECK itself would throw).
  int runtime = 0, driver = 0;
  cudaRuntimeGetVersion(&runtime);
  cudaDriverGetVersion(&driver);
  versions.emplace_back("CUDA", fmt::format("{} (driver: {})", cuda_version(runtime), cuda_version(driver)));
  if (const auto cudnn = loaded_symbol<std::size_t (*)()>("cudnnGetVersion")) {
    const auto v = cudnn();  // major * 10000 + minor * 100 + patch since cuDNN 9, * 1000 before
    const std::size_t unit = v >= 90000 ? 10000 : 1000;
    versions.emplace_back("cuDNN", fmt::format("{}.{}.{}", v / unit, v % unit / 100, v % 100));
  } else {
    versions.emplace_back("cuDNN", "none");
  }
#endif
  return versions;
}

std::string revision() { return AFU_REVISION; }

void prepare_process() {
  cpu::kernels();  // or the error that AFU_KERNELS makes
  // LibTorch's operators sum in the order of the vectors they are compiled for: the same on every processor.
  // Read at the first operator.
  setenv("ATEN_CPU_CAPABILITY", "avx2", /*overwrite=*/0);
#ifdef AFU_CUDA
  // Read when CUDA starts. By default eight of a process's streams have a queue of their own, others wait for
  // each other.
  setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", /*overwrite=*/0);
#endif
  require_blas_buffers(2);  // for this thread, and for the one that OpenBLAS starts when it is loaded
  use_one_blas_thread();
  // What at::set_num_threads(1) does as well. That starts a pool of as many threads as the machine has
  // processors, to end them again, and waits for ever where one cannot be started.
  setenv("OMP_NUM_THREADS", "1", /*overwrite=*/1);
  setenv("MKL_NUM_THREADS", "1", /*overwrite=*/1);
  use_one_operator_thread();
#ifdef __GLIBC__
  // A training step frees and takes the same megabytes again and again. By default each goes back to the
  // kernel and comes back as zeroed pages; kept in the process, a step of cnn_small takes about a seventh
  // less (measured).
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 16 << 20);
#endif
}

void prepare_lane_thread([[maybe_unused]] bool own_backward) {
  use_one_operator_thread();
#if TORCH_VERSION_MAJOR >= 2
  c10::AutogradState::get_tls_state().set_multithreading_enabled(!own_backward);
#endif
}

}  // namespace afu::device
