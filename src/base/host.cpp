#include "base/host.hpp"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <ctime>
#include <fstream>

#include "base/limits.hpp"

namespace afu::base {

namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

}  // namespace

HostInfo host_info() {
  HostInfo info;
  utsname names{};
  if (uname(&names) == 0) {
    info.name = names.nodename;
    info.system = std::string(names.sysname) + " " + names.release + " " + names.machine;
  }
  info.cpu = cpu_model();
  const auto limits = base::limits();
  info.cores = static_cast<unsigned>(limits.processors);
  info.memory_bytes = static_cast<std::uint64_t>(limits.memory_bytes);
  return info;
}

std::uint64_t peak_rss_bytes() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // Linux counts kibibytes
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

}  // namespace afu::base
