#pragma once
/// What a run leaves for an outside checker, in audit/: tools/audit/README.md tells what each file holds.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "federate/effects.hpp"
#include "federate/messages.hpp"
#include "federate/setup.hpp"
#include "lane/prepare_model.hpp"
#include "record/audit_log.hpp"

namespace afu::federate {

/// run.json, data.npz and initial.npz, into `folder`, which exists. The run trains: `setup` has data and
/// initial weights. Throws std::runtime_error where one cannot be written.
void write_audit_start(const std::filesystem::path& folder, const Setup& setup,
                       const lane::ModelInput& input);

/// A task that the server hands out, as a line of jobs.jsonl; nothing for other messages. `post` is one of a
/// run that trains.
std::optional<record::AuditJob> audited_job(const Post& post, const Setup& setup);

/// The updates that the scenario's output.audit_updates names.
class AuditedUpdates {
 public:
  /// Each is the name of a client's job (config::job_named); others are passed over.
  explicit AuditedUpdates(const std::vector<std::string>& names);
  /// Keeps the update where it is one of them, the first time; also one that is not accepted.
  void take(const Update& m, Effects& fx);
  /// A sentence on each that has not come.
  std::vector<std::string> missing() const;

 private:
  std::set<std::pair<std::uint32_t, std::uint64_t>> awaited_;  ///< client and job
};

}  // namespace afu::federate
