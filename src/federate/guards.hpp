#pragma once
/// Guards: what was erased may not be merged back (methods::GuardErasure). One a request at most, in the
/// order of the requests, each from the step that raises it until its request is done.
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "engine/combine_job.hpp"
#include "federate/progress.hpp"
#include "job/job.hpp"
#include "methods/method.hpp"
#include "record/records.hpp"

namespace afu::federate {

class Guards {
 public:
  /// In the place of the request's last one; what is counted of it goes on.
  void raise(std::uint32_t request, methods::GuardErasure guard, const Progress& at);
  /// It is derived from what is erased: nothing of it stays but its figures.
  void drop(std::uint32_t request) { standing_.erase(request); }

  std::vector<engine::GuardPtr> all() const;
  /// What pulls the merge that is being made back to the versions that guards were built at: of each whose
  /// `restore_every` updates are over.
  std::vector<engine::Pull> pulls(std::uint64_t updates);
  /// Figures of a merge of updates that passed all guards (engine::CombineJob).
  void note(const job::JobResult& merge);

  /// None: the request never had a guard.
  std::optional<record::GuardFigures> figures(std::uint32_t request) const;
  std::int64_t bytes() const;

 private:
  struct Standing {
    methods::GuardErasure erasure;
    model::ParametersPtr model;  ///< the version that it was built at; null: nothing is pulled back to it
    std::uint64_t restored = 0;  ///< Progress::updates when the model was last pulled back
  };
  std::map<std::uint32_t, Standing> standing_;
  std::map<std::uint32_t, record::GuardFigures> figures_;
};

}  // namespace afu::federate
