#pragma once
/// How exactly GPUs compute, which LibTorch switches for the whole process. No torch in this header.
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"

namespace afu::device {

/// LibTorch's switches. bf16 is none of them: it is a lane's own (model/autocast.hpp).
struct Switches {
  bool tf32 = false;           ///< factors of matrix products and convolutions are rounded to 10 bits
  bool deterministic = false;  ///< algorithms that give the same bits every time, or an error
};
inline bool operator==(const Switches& a, const Switches& b) {
  return a.tf32 == b.tf32 && a.deterministic == b.deterministic;
}

/// What a run asks for; all off where `devices` (resolved names) holds no GPU, since CPU lanes need none of
/// it.
Switches switches_of(const config::ComputeSection& section, const std::vector<std::string>& devices);

/// The process computes by these switches as long as it lives. Runs side by side in one process (a study's
/// cells) share them where they want the same; whoever wants others waits until those have ended. One lease a
/// thread at a time, or it waits for itself.
class NumericsLease {
 public:
  explicit NumericsLease(const Switches& wanted);
  ~NumericsLease();
  NumericsLease(const NumericsLease&) = delete;
  NumericsLease& operator=(const NumericsLease&) = delete;
};

/// What LibTorch's switches are now, read back from it.
Switches current_switches();

}  // namespace afu::device
