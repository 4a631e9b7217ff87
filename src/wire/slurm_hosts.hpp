#pragma once
/// The hosts of a Slurm allocation.
#include <string>
#include <vector>

namespace afu::wire {

/// "gpu[1-3,07],login" (SLURM_JOB_NODELIST): gpu1, gpu2, gpu3, gpu07, login. Leading zeros stay. Throws InputError that names `list`: it is
/// empty, a bracket is open, a range is none or names more than 65536 hosts.
std::vector<std::string> hosts_of(const std::string& list);

}  // namespace afu::wire
