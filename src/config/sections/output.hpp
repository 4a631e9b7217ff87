#pragma once
/// [output] and [stop].
#include <cstdint>
#include <string>
#include <vector>

namespace afu::config {

struct OutputSection {
  std::string folder;  ///< empty: runs/<scenario name>
  bool events = true;
  bool trace = true;
  bool model = true;
  bool snapshots = false;                  ///< also the models at the points of attack
  bool audit = false;                      ///< also what an outside checker needs: audit/
  double checkpoint_every = 60;            ///< real seconds; 0: never
  std::vector<std::string> audit_updates;  ///< single updates that audit/ is to hold, "CLIENT/JOB"
};

struct StopSection {
  std::int64_t updates = 0;  ///< accepted updates; 0: no limit
  std::int64_t rounds = 0;   ///< fedavg rounds
  double seconds = 0;        ///< on the run's own clock
};

}  // namespace afu::config
