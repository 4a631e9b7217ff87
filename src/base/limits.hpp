#pragma once
/// How many processors and how many bytes this process may use: the machine's, less what its affinity, its
/// control groups (versions 1 and 2, every ancestor's limit counts) and its resource limits leave.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace afu::base {

struct Limits {
  std::int64_t processors = 1;    ///< at least 1; a quota of 1.5 processors counts as 2
  std::string processors_reason;  ///< what set the number: "2 online", "affinity", ...
  std::int64_t memory_bytes = 0;  ///< that the process may have in all; 0: not to be learned
  std::string memory_reason;
  std::int64_t free_bytes = 0;  ///< what is left of them now, for this process; caches count as free
};

/// The value of a variable of the environment; empty: there is none.
using Variable = std::function<std::string(const std::string& name)>;
std::string environment_variable(const std::string& name);

/// Reads proc/ and sys/ under `root`, anew at each call. What cannot be read limits nothing. In a job of Slurm no more processors
/// count than SLURM_CPUS_PER_TASK says, or SLURM_CPUS_ON_NODE where the job asked for none a task.
Limits limits(const std::filesystem::path& root = "/", const Variable& variable = environment_variable);

/// limits().processors, read once a process.
std::int64_t processors();

/// What limits() is made of.
namespace detail {

/// The whole text; empty where there is none.
std::string text_of(const std::filesystem::path& file);

/// What follows `key` and a colon or blanks at the beginning of a line of `text`; empty where there is none.
std::string field(const std::string& text, const std::string& key);

/// "0-3,8" as 0, 1, 2, 3, 8; empty where the text is no such list.
std::vector<int> cpu_list(const std::string& text);

/// "150000 100000" of cpu.max as 1.5 processors; none for "max 100000" or what is no quota.
std::optional<double> cpu_max(const std::string& text);

/// "1073741824" as a number of bytes; none for "max", negative ones and what is none.
std::optional<std::int64_t> byte_count(const std::string& text);

/// The folder of the process in a hierarchy of control groups, and the folder where that is mounted, the last
/// of those whose limits count. Both empty where it is not mounted.
struct GroupFolder {
  std::filesystem::path own, mount;
};
/// `cgroup`, `mountinfo`: the texts of those files of /proc/self. `controller`: "cpu", "memory" or "pids" of
/// version 1; "": version 2.
GroupFolder group_folder(const std::string& cgroup, const std::string& mountinfo,
                         const std::string& controller);

/// Calls visit(folder, name) for the process's own group and all above it whose limits count for
/// `controller`, in version 2 and then in version 1. `folder`: below `root`; `name`: as the process sees it.
void for_each_group(const std::filesystem::path& root, const std::string& controller,
                    const std::function<void(const std::filesystem::path&, const std::string&)>& visit);

}  // namespace detail
}  // namespace afu::base
