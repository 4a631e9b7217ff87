#include "base/limits.hpp"

#include <map>
#include <string>

#include <doctest/doctest.h>

#include "../record/temporary_folder.hpp"

using namespace afu::base;

namespace {

constexpr std::int64_t MiB = 1 << 20;

/// A root folder made by hand: 8 processors, 16 GiB of memory of which 12 are available.
struct Machine {
  afu::test::TemporaryFolder root;

  Machine() {
    write("sys/devices/system/cpu/online", "0-7\n");
    write("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:   1 kB\nMemAvailable:   12582912 kB\n");
    write("proc/self/status",
          "Name:\tafu\nVmSize:\t 1048576 kB\nCpus_allowed:\tff\nCpus_allowed_list:\t0-63\n");
    write("proc/self/limits",
          "Limit                     Soft Limit           Hard Limit           Units\n"
          "Max address space         unlimited            unlimited            bytes\n");
  }
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((root / file).parent_path());
    afu::test::write_text(root / file, text);
  }
  std::map<std::string, std::string> variables;
  Limits limits() const {
    return afu::base::limits(root.path(), [this](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::string() : found->second;
    });
  }
};

const char* const kMountOfVersion2 =
    "22 20 0:5 / /proc rw - proc proc rw\n30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 "
    "rw,nsdelegate\n";
const char* const kMountsOfVersion1 =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";

}  // namespace

TEST_CASE("without any limit a process has the machine") {
  const auto l = Machine().limits();
  CHECK(l.processors == 8);  // the mask of affinity names 64, of which 8 are there
  CHECK(l.processors_reason == "8 online");
  CHECK(l.memory_bytes == 16384 * MiB);
  CHECK(l.memory_reason == "the machine's");
  CHECK(l.free_bytes == 12288 * MiB);
}

TEST_CASE("in a job of Slurm the processors are those that the task was granted") {
  Machine m;
  m.variables = {{"SLURM_CPUS_PER_TASK", "3"}};
  CHECK(m.limits().processors == 8);  // left over from a shell: this is no job
  m.variables["SLURM_JOB_ID"] = "12";
  CHECK(m.limits().processors == 3);
  CHECK(m.limits().processors_reason == "SLURM_CPUS_PER_TASK is 3");
  m.variables = {{"SLURM_JOB_ID", "12"}, {"SLURM_CPUS_ON_NODE", "2"}};
  CHECK(m.limits().processors == 2);
  m.variables["SLURM_CPUS_ON_NODE"] = "many";
  CHECK(m.limits().processors == 8);
  m.variables["SLURM_CPUS_ON_NODE"] = "64";  // more than are there
  CHECK(m.limits().processors == 8);
}

TEST_CASE("affinity leaves the processors that are both online and allowed") {
  Machine m;
  m.write("proc/self/status", "Cpus_allowed_list:\t6-9,2\n");
  CHECK(m.limits().processors == 3);
  CHECK(m.limits().processors_reason == "3 of 8 online by affinity");
}

TEST_CASE("version 2: the smallest quota and memory from the process's group up to the mount count") {
  Machine m;
  m.write("proc/self/cgroup", "0::/slice/job/task\n");
  m.write("proc/self/mountinfo", kMountOfVersion2);
  m.write("sys/fs/cgroup/slice/job/task/cpu.max", "max 100000\n");
  m.write("sys/fs/cgroup/slice/job/cpu.max", "250000 100000\n");
  m.write("sys/fs/cgroup/slice/cpu.max", "400000 100000\n");
  m.write("sys/fs/cgroup/slice/job/task/memory.max", "max\n");
  m.write("sys/fs/cgroup/slice/memory.max", "2147483648\n");
  m.write("sys/fs/cgroup/slice/memory.current", "1610612736\n");
  m.write("sys/fs/cgroup/slice/memory.stat",
          "anon 1\nfile 2\ninactive_file 436870912\nactive_file 100000000\n");
  auto l = m.limits();
  CHECK(l.processors == 3);
  CHECK(l.processors_reason == "the control group /sys/fs/cgroup/slice/job allows 2.5");
  CHECK(l.memory_bytes == 2048 * MiB);
  CHECK(l.memory_reason == "the control group /sys/fs/cgroup/slice allows 2048 MiB");
  CHECK(l.free_bytes == 1024 * MiB);  // 1.5 GiB are used, of which 0.5 are cache that can be dropped

  m.write("sys/fs/cgroup/slice/job/task/cpu.max", "5000 100000\n");
  CHECK(m.limits().processors == 1);  // never 0
  m.write("sys/fs/cgroup/slice/job/task/cpu.max", "10000000 100000\n");
  m.write("sys/fs/cgroup/slice/job/cpu.max", "max 100000\n");
  m.write("sys/fs/cgroup/slice/cpu.max", "max 100000\n");
  CHECK(m.limits().processors == 8);  // a quota of 100 does not make more of them
  m.write("sys/fs/cgroup/slice/memory.current", "9147483648\n");
  CHECK(m.limits().free_bytes == 0);
}

TEST_CASE("version 1: the quota and the memory of the controllers' own hierarchies count") {
  Machine m;
  m.write("proc/self/cgroup", "11:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n3:cpuset:/\n0::/\n");
  m.write("proc/self/mountinfo", kMountsOfVersion1);
  m.write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "150000\n");
  m.write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  m.write("sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "-1\n");
  m.write("sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n");
  m.write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "1073741824\n");
  m.write("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "314572800\n");
  m.write("sys/fs/cgroup/memory/docker/abc/memory.stat",
          "cache 209715200\ninactive_file 1\ntotal_inactive_file 104857600\ntotal_active_file 104857600\n");
  m.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  const auto l = m.limits();
  CHECK(l.processors == 2);
  CHECK(l.processors_reason == "the control group /sys/fs/cgroup/cpu,cpuacct/docker/abc allows 1.5");
  CHECK(l.memory_bytes == 1024 * MiB);
  CHECK(l.free_bytes == 924 * MiB);
}

TEST_CASE("in a container, the mount's root is the process's own group") {
  const auto mount = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro master:14 - cgroup cgroup rw,memory\n";
  auto g = detail::group_folder("11:memory:/docker/abc\n", mount, "memory");
  CHECK(g.own == "/sys/fs/cgroup/memory");
  CHECK(g.mount == "/sys/fs/cgroup/memory");
  g = detail::group_folder("11:memory:/docker/abc/inner\n", mount, "memory");
  CHECK(g.own == "/sys/fs/cgroup/memory/inner");
  g = detail::group_folder("0::/../../elsewhere\n", kMountOfVersion2, "");
  CHECK(g.own == "/sys/fs/cgroup");
  CHECK(detail::group_folder("11:memory:/a\n", kMountsOfVersion1, "cpu").mount.empty());
  CHECK(detail::group_folder("", "", "").mount.empty());
}

TEST_CASE("a limit of the address space bounds the memory, what is mapped already counts") {
  Machine m;
  m.write("proc/self/limits",
          "Max address space         3221225472           unlimited            bytes     \n");
  const auto l = m.limits();
  CHECK(l.memory_bytes == 3072 * MiB);
  CHECK(l.memory_reason == "the limit of the address space (ulimit -v) is 3072 MiB");
  CHECK(l.free_bytes == 2048 * MiB);
}

TEST_CASE("what cannot be read limits nothing") {
  const afu::test::TemporaryFolder empty;
  const auto l = limits(empty.path());
  CHECK(l.processors >= 1);
  CHECK(l.memory_bytes == 0);
  CHECK(l.memory_reason == "not to be learned");
  Machine m;
  m.write("proc/self/cgroup", "nonsense\n0:\n::\n");
  m.write("proc/self/mountinfo", "nonsense\n30 20 0:26 / /sys/fs/cgroup rw - cgroup2\n");
  CHECK(m.limits().processors == 8);
  m.write("proc/self/cgroup", "0::/a\n");
  m.write("proc/self/mountinfo", kMountOfVersion2);
  m.write("sys/fs/cgroup/a/cpu.max", "many few\n");
  m.write("sys/fs/cgroup/a/memory.max", "-5\n");
  CHECK(m.limits().processors == 8);
  CHECK(m.limits().memory_bytes == 16384 * MiB);
}

TEST_CASE("lists of processors, quotas and bytes are read as the kernel writes them") {
  CHECK(detail::cpu_list("0-3,8\n") == std::vector<int>{0, 1, 2, 3, 8});
  CHECK(detail::cpu_list("5") == std::vector<int>{5});
  for (const char* text : {"", "\n", "a", "3-1", "-1", "0-3x", "1,,2", "0-99999999"}) {
    CAPTURE(text);
    CHECK(detail::cpu_list(text).empty());
  }
  CHECK(detail::cpu_max("150000 100000").value() == 1.5);
  CHECK_FALSE(detail::cpu_max("max 100000"));
  CHECK_FALSE(detail::cpu_max("-1 100000"));
  CHECK_FALSE(detail::cpu_max("100000"));
  CHECK_FALSE(detail::cpu_max("100000 0"));
  CHECK(detail::byte_count("1073741824\n").value() == 1073741824);
  CHECK_FALSE(detail::byte_count("max"));
  CHECK_FALSE(detail::byte_count(""));
  CHECK_FALSE(detail::byte_count("99999999999999999999"));
}

TEST_CASE("this process has at least one processor and some memory") {
  const auto l = limits();
  CHECK(l.processors >= 1);
  CHECK(l.processors == processors());
  CHECK(l.memory_bytes > 0);
  CHECK(l.free_bytes <= l.memory_bytes);
  CHECK_FALSE(l.processors_reason.empty());
}
