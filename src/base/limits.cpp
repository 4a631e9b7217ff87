#include "base/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace afu::base {
namespace {

namespace fs = std::filesystem;

/// No machine has as much; version 1 of the control groups writes a number above it for "no limit".
constexpr std::int64_t kUnknown = std::int64_t{1} << 60;

/// A field of proc/meminfo or proc/self/status, which count in kibibytes; `other` where there is none.
std::int64_t kib_field(const std::string& text, const std::string& key, std::int64_t other) {
  const auto kib = detail::byte_count(detail::field(text, key));
  return kib && *kib < kUnknown >> 10 ? *kib * 1024 : other;
}

/// Takes the smaller of the two, and its reason.
void bound(std::int64_t& value, std::string& reason, std::int64_t limit, const std::string& why) {
  if (limit >= value) return;
  value = limit;
  reason = why;
}

/// The files of a control group; `cache`: the fields of memory.stat whose pages can be taken back. What was read twice, or is mapped, counts as
/// active, and can be taken back as well.
struct GroupFiles {
  const char *limit, *used;
  std::array<const char*, 2> cache;
};
constexpr GroupFiles kMemoryFiles[] = {
    {"memory.max", "memory.current", {"inactive_file", "active_file"}},
    {"memory.limit_in_bytes", "memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}}};

void bound_processors(Limits& limits, const fs::path& folder, const std::string& name) {
  const auto quota = detail::text_of(folder / "cpu.cfs_quota_us"),
             period = detail::text_of(folder / "cpu.cfs_period_us");
  auto allowed = detail::cpu_max(detail::text_of(folder / "cpu.max"));
  if (!allowed) allowed = detail::cpu_max(quota + " " + period);
  if (!allowed) return;
  // 1.0000001 of a rounded period is one processor, not two.
  const auto whole = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(*allowed - 1e-3)));
  bound(limits.processors, limits.processors_reason, whole,
        fmt::format("the control group {} allows {:.4g}", name, *allowed));
}

void bound_memory(Limits& limits, const fs::path& folder, const std::string& name, const GroupFiles& files) {
  const auto limit = detail::byte_count(detail::text_of(folder / files.limit));
  if (!limit || *limit >= kUnknown) return;
  const auto used = detail::byte_count(detail::text_of(folder / files.used)).value_or(0);
  std::int64_t cache = 0;
  const auto stat = detail::text_of(folder / "memory.stat");
  for (const auto* field : files.cache) cache += detail::byte_count(detail::field(stat, field)).value_or(0);
  bound(limits.memory_bytes, limits.memory_reason, *limit,
        fmt::format("the control group {} allows {} MiB", name, *limit >> 20));
  const auto held = std::max<std::int64_t>(0, used - cache);
  limits.free_bytes = std::min(limits.free_bytes, std::max<std::int64_t>(0, *limit - held));
}

void bound_address_space(Limits& limits, const fs::path& root) {
  const auto limit =
      detail::byte_count(detail::field(detail::text_of(root / "proc/self/limits"), "Max address space"));
  if (!limit || *limit >= kUnknown) return;
  bound(limits.memory_bytes, limits.memory_reason, *limit,
        fmt::format("the limit of the address space (ulimit -v) is {} MiB", *limit >> 20));
  const auto held = kib_field(detail::text_of(root / "proc/self/status"), "VmSize", 0);
  limits.free_bytes = std::min(limits.free_bytes, std::max<std::int64_t>(0, *limit - held));
}

/// What Slurm granted to this task, which its plugins need not enforce.
void bound_by_slurm(Limits& limits, const Variable& variable) {
  if (variable("SLURM_JOB_ID").empty()) return;
  for (const char* name : {"SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"}) {
    const auto granted = detail::byte_count(variable(name));
    if (!granted || *granted < 1) continue;
    return bound(limits.processors, limits.processors_reason, *granted,
                 fmt::format("{} is {}", name, *granted));
  }
}

}  // namespace

std::string environment_variable(const std::string& name) {
  const auto* const value = std::getenv(name.c_str());
  return value ? value : "";
}

namespace detail {

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string field(const std::string& text, const std::string& key) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    const auto begin = line.find_first_not_of(": \t", key.size());
    if (begin == key.size()) continue;  // a longer key
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::vector<int> cpu_list(const std::string& text) {
  std::vector<int> list;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    int first = 0, last = 0, read = 0;
    const auto* const begin = part.c_str();
    if (std::sscanf(begin, "%d-%d%n", &first, &last, &read) != 2) {
      if (std::sscanf(begin, "%d%n", &first, &read) != 1) return {};
      last = first;
    }
    if (part.find_first_not_of(" \t\n", static_cast<std::size_t>(read)) != std::string::npos) return {};
    if (first < 0 || last < first || last > 1 << 20) return {};
    for (int i = first; i <= last; ++i) list.push_back(i);
  }
  return list;
}

std::optional<double> cpu_max(const std::string& text) {
  std::istringstream in(text);
  double quota = 0, period = 0;
  if (!(in >> quota >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

std::optional<std::int64_t> byte_count(const std::string& text) {
  std::istringstream in(text);
  std::int64_t bytes = -1;
  if (!(in >> bytes) || bytes < 0) return std::nullopt;
  return bytes;
}

GroupFolder group_folder(const std::string& cgroup, const std::string& mountinfo,
                         const std::string& controller) {
  const auto is_listed = [](const std::string& list, const std::string& name) {
    return ("," + list + ",").find("," + name + ",") != std::string::npos;
  };
  std::string path;  // of the process in the hierarchy: "4:memory:/a/b", "0::/a/b"
  std::istringstream groups(cgroup);
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : is_listed(names, controller)) path = line.substr(second + 1);
  }
  if (path.empty()) return {};
  // 35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
  std::istringstream mounts(mountinfo);
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream in(line);
    std::string skipped, root, mount, type, source, options;
    in >> skipped >> skipped >> skipped >> root >> mount;
    while (in >> skipped && skipped != "-") {
    }
    if (!(in >> type >> source >> options)) continue;
    if (controller.empty() ? type != "cgroup2" : type != "cgroup" || !is_listed(options, controller))
      continue;
    // In a container the mount's root is the container's own group, above which nothing is seen.
    auto below = fs::path(path).lexically_relative(root);
    if (below.empty() || *below.begin() == ".." || below == ".") below.clear();
    return {below.empty() ? fs::path(mount) : mount / below, mount};
  }
  return {};
}

void for_each_group(const fs::path& root, const std::string& controller,
                    const std::function<void(const fs::path&, const std::string&)>& visit) {
  const auto cgroup = text_of(root / "proc/self/cgroup"), mountinfo = text_of(root / "proc/self/mountinfo");
  for (const auto& hierarchy : {std::string(), controller}) {
    const auto group = group_folder(cgroup, mountinfo, hierarchy);
    if (group.mount.empty()) continue;
    for (auto folder = group.own;; folder = folder.parent_path()) {
      visit(root / folder.relative_path(), folder.string());
      if (folder == group.mount || !folder.has_relative_path()) break;
    }
  }
}

}  // namespace detail

Limits limits(const fs::path& root, const Variable& variable) {
  Limits limits;
  const auto online = detail::cpu_list(detail::text_of(root / "sys/devices/system/cpu/online"));
  const auto status = detail::text_of(root / "proc/self/status");
  auto allowed = detail::cpu_list(detail::field(status, "Cpus_allowed_list"));
  limits.processors = static_cast<std::int64_t>(online.size());
  limits.processors_reason = fmt::format("{} online", online.size());
  if (online.empty()) {
    limits.processors = std::max(1u, std::thread::hardware_concurrency());
    limits.processors_reason = fmt::format("{} by the C++ library", limits.processors);
  } else if (!allowed.empty()) {
    // The list may name processors that are not there.
    const auto is_online = [&](int i) { return std::binary_search(online.begin(), online.end(), i); };
    const auto usable = std::count_if(allowed.begin(), allowed.end(), is_online);
    if (usable > 0)
      bound(limits.processors, limits.processors_reason, usable,
            fmt::format("{} of {} online by affinity", usable, online.size()));
  }

  const auto meminfo = detail::text_of(root / "proc/meminfo");
  limits.memory_bytes = kib_field(meminfo, "MemTotal", kUnknown);
  limits.memory_reason = "the machine's";
  limits.free_bytes = kib_field(meminfo, "MemAvailable", limits.memory_bytes);

  detail::for_each_group(
      root, "cpu", [&](const auto& folder, const auto& name) { bound_processors(limits, folder, name); });
  detail::for_each_group(root, "memory", [&](const auto& folder, const auto& name) {
    for (const auto& files : kMemoryFiles) bound_memory(limits, folder, name, files);
  });
  bound_address_space(limits, root);
  bound_by_slurm(limits, variable);
  if (limits.memory_bytes == kUnknown) limits.memory_bytes = 0, limits.memory_reason = "not to be learned";
  if (limits.free_bytes == kUnknown) limits.free_bytes = 0;
  return limits;
}

std::int64_t processors() {
  static const auto number = limits().processors;
  return number;
}

}  // namespace afu::base
