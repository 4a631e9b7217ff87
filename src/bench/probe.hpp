#pragma once
/// What bounds everything that a lane does on a device, measured. No torch in this header.
#include <string>

#include "device/devices.hpp"

namespace afu::bench {

struct DeviceProbe {
  /// Bytes read and written by a plain copy within the device's memory; of one core on the CPU.
  double copy_bytes_per_second = 0;
  /// From the host's pinned memory to the device; 0 on the CPU, whose lanes read the host's memory itself.
  double upload_bytes_per_second = 0;
  /// On a GPU: between kernels with nothing to do that a lane queues one by one. On the CPU: until another
  /// thread, which waits, has done a task with nothing to do and this one knows.
  double launch_seconds = 0;
  /// On a GPU the same for kernels of a recorded graph; 0 on the CPU, and in builds that record nothing.
  double replay_seconds = 0;
  /// Of a large fp32 matrix product, a multiply-add as two; of one core on the CPU.
  double matmul_flops_per_second = 0;
};

/// Medians of a few runs, under a second and a few hundred MiB in all. Call with the process prepared and its
/// switches set (device/numerics.hpp). Throws as resolve_devices does.
DeviceProbe probe(const std::string& device);

}  // namespace afu::bench
