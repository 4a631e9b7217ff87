#pragma once
/// What this process can compute on, and how a process and its lane threads are prepared for it. No torch in
/// this header.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace afu::device {

struct DeviceInfo {
  std::string name;               ///< "cpu", "cuda:0", ...: what [compute] devices says
  std::string description;        ///< the maker's name
  std::int64_t memory_bytes = 0;  ///< in all; on the CPU what this process may have (base/limits.hpp)
  std::int64_t free_bytes = 0;    ///< at the time of asking
  std::int64_t cores_or_sms = 0;  ///< cores this process may run on; multiprocessors of a GPU
  std::string cores_reason, memory_reason;  ///< of the CPU: what set these numbers
};

/// By default: more of them gain little (measured on an H100), and each holds a replica and recordings.
inline constexpr int kDefaultLanesOfAGpu = 8;

/// The CPU first, then every visible GPU (CUDA flavour only). Asking a GPU for its memory starts CUDA on it.
std::vector<DeviceInfo> list_devices();

/// One device by its resolved name. Throws std::runtime_error as resolve_devices does.
DeviceInfo device_info(const std::string& name);

/// "cuda" becomes all visible GPUs; everything else must be there. An entry given twice stays twice.
/// Throws std::runtime_error naming the entry and what there is.
std::vector<std::string> resolve_devices(const std::vector<std::string>& wanted);

/// How many of `wanted` lanes of `bytes_per_lane` fit into the device's free memory, a tenth of which stays
/// unused (CUDA contexts, libraries' work space, fragmentation). 0: not one.
int admissible_lanes(const DeviceInfo& device, int wanted, std::int64_t bytes_per_lane);

/// Most bytes ever in use: by LibTorch's allocator on a GPU; on "cpu", where that keeps no count, by the
/// whole process.
std::int64_t allocated_peak(const std::string& device);

/// Name and version of what the results depend on, for a run's context: afu, LibTorch, fmt, BLAS with the
/// processor that its kernels are for, the vectors of afu's kernels and of LibTorch's, CUDA, cuDNN. Of a run
/// whose bytes are bound to the processor (device/products.hpp) they differ where one of these does.
std::vector<std::pair<std::string, std::string>> library_versions();

/// `git describe` of the sources, "unknown" outside a repository.
std::string revision();

/// Once, in main, before any tensor: one thread for BLAS and for LibTorch's operators. Parallelism comes from
/// lanes. Throws InputError as cpu::kernels() does.
void prepare_process();

/// In every lane's thread, before its first job: one thread for LibTorch's operators, and backward passes run
/// in the lane itself. (Else all backward passes of a GPU queue in that device's only autograd thread, and
/// lanes serialise. LibTorch before 2.0 cannot turn that off.) `own_backward` = false leaves it at that, to
/// measure what it costs.
void prepare_lane_thread(bool own_backward = true);

}  // namespace afu::device
