#include "record/records.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace afu::record {

std::string client_text(std::uint64_t client, const std::string& site) {
  return "client/" + std::to_string(client) + (site.empty() ? "" : " (" + site + ")");
}

std::string node_name(NodeId id) {
  switch (id) {
    case server_node:
      return "server";
    case unlearner_node:
      return "unlearner";
    case calibrator_node:
      return "calibrator";
    default:
      return "client/" + std::to_string(id - first_client_node);
  }
}

std::string covers_text(const ErasureRecord& e) {
  if (e.client < 0) return e.label < 0 ? "a class" : "class " + std::to_string(e.label);
  auto client = client_text(static_cast<std::uint64_t>(e.client), e.site);
  if (e.scope == "subject") {
    constexpr std::size_t most = 3;
    std::string names;
    for (std::size_t i = 0; i < std::min(most, e.subjects.size()); ++i)
      names += (i > 0 ? ", " : "") + e.subjects[i];
    if (e.subjects.size() > most) names += " and " + std::to_string(e.subjects.size() - most) + " more";
    return (e.subjects.size() == 1 ? "subject " : "subjects ") + names + " at " + client;
  }
  if (e.scope != "samples") return client;
  const auto count = std::to_string(e.samples) + " samples of ";
  return e.file.empty() ? count + client : count + e.file + " at " + client;
}

const char* to_string(EventType t) {
  switch (t) {
    case EventType::train_task:
      return "train_task";
    case EventType::job_done:
      return "job_done";
    case EventType::update:
      return "update";
    case EventType::dropped:
      return "dropped";
    case EventType::collect_task:
      return "collect_task";
    case EventType::collect_result:
      return "collect_result";
    case EventType::erase_request:
      return "erase_request";
    case EventType::erase_task:
      return "erase_task";
    case EventType::erase_job_done:
      return "erase_job_done";
    case EventType::erase_result:
      return "erase_result";
    case EventType::calibrate_task:
      return "calibrate_task";
    case EventType::calibrate_job_done:
      return "calibrate_job_done";
    case EventType::calibrate_result:
      return "calibrate_result";
  }
  return "unknown";
}

const char* to_string(Decision::Kind k) {
  using Kind = Decision::Kind;
  switch (k) {
    case Kind::merged:
      return "merged";
    case Kind::buffered:
      return "buffered";
    case Kind::rejected:
      return "rejected";
    case Kind::late_rebased:
      return "late_rebased";
    case Kind::late_guarded:
      return "late_guarded";
    case Kind::late_dropped:
      return "late_dropped";
    case Kind::late_accepted:
      return "late_accepted";
    case Kind::erasure_merged:
      return "erasure_merged";
    case Kind::calibration_merged:
      return "calibration_merged";
    case Kind::halted:
      return "halted";
    case Kind::resumed:
      return "resumed";
    case Kind::restarted:
      return "restarted";
    case Kind::forgotten:
      return "forgotten";
    case Kind::replaced:
      return "replaced";
    case Kind::assigned:
      return "assigned";
    case Kind::rolled_back:
      return "rolled_back";
    case Kind::gated:
      return "gated";
    case Kind::chosen:
      return "chosen";
    case Kind::not_finite:
      return "not_finite";
    case Kind::diverged:
      return "diverged";
  }
  return "unknown";
}

const char* to_string(RequestOutcome o) {
  switch (o) {
    case RequestOutcome::unserved:
      return "unserved";
    case RequestOutcome::merged:
      return "merged";
    case RequestOutcome::refused:
      return "refused";
  }
  return "unknown";
}

std::string to_string(const Divergence& d) {
  std::string text = "the " + d.what;
  if (d.client) text += " of client/" + std::to_string(*d.client);
  if (d.job) text += " (job " + std::to_string(*d.job) + ")";
  if (d.request) text += " for erasure[" + std::to_string(*d.request) + "]";
  return fmt::format("{}, computed from version {}, is not finite: after {} updates, at {:.6g} s", text,
                     d.version, d.updates, d.time);
}

std::string to_string(const SetLabels& s) {
  if (s.labels > 0)
    return fmt::format("{} sample{} with {} labels or not, the more frequent answer {:.1f} %", s.samples,
                       s.samples == 1 ? "" : "s", s.labels, s.majority_share * 100);
  return fmt::format("{} sample{} of {} class{}, the largest {:.1f} %", s.samples, s.samples == 1 ? "" : "s",
                     s.classes, s.classes == 1 ? "" : "es", s.majority_share * 100);
}

const ErasureRecord* first_request(const Summary& s) {
  const ErasureRecord* first = nullptr;
  for (const auto& e : s.erasures)
    if (e.requested_at && (!first || *e.requested_at < *first->requested_at)) first = &e;
  return first;
}

}  // namespace afu::record
