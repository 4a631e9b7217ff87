#pragma once
/// The machine a run took place on.
#include <cstdint>
#include <string>

namespace afu::base {

struct HostInfo {
  /// Host name; "Linux 6.1.0 x86_64"; the CPU's model. Empty: not to be learned.
  std::string name, system, cpu;
  unsigned cores = 0;  ///< that this process may use, as are the bytes (base/limits.hpp)
  std::uint64_t memory_bytes = 0;
};
HostInfo host_info();

/// The most memory this process has had resident so far, bytes.
std::uint64_t peak_rss_bytes();

/// Now, as "2024-05-01T12:34:56Z".
std::string utc_now();

}  // namespace afu::base
