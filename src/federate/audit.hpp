#pragma once
/// What a run leaves for an outside checker, in audit/: tools/audit/README.md tells what each file holds.
#include <filesystem>
#include <optional>

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

}  // namespace afu::federate
