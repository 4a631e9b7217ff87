#include "cli/execute.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "base/host.hpp"
#include "base/output_file.hpp"
#include "config/scenario.hpp"
#include "config/writer.hpp"
#include "data/image_store.hpp"
#include "device/devices.hpp"
#include "lane/prepare_model.hpp"
#include "methods/registry.hpp"
#include "model/vectors_file.hpp"
#include "record/seal.hpp"
#include "record/summary.hpp"

namespace afu::cli {
namespace {

void write_scenario(const record::RunFolder& folder, const config::Scenario& s) {
  base::write_whole(folder.path("scenario.toml"), config::to_toml(s, methods::method_sections()));
}

/// Where digests of inputs are noted, as decoded images are kept: of large files, and where the user names the folder.
std::filesystem::path digest_notes(const config::DataSection& data, const std::string& path) {
  namespace fs = std::filesystem;
  if (data.source == config::DataSource::phantom) return {};
  const auto folder = data::cache_folder(data.cache);
  if (!folder) return {};
  std::error_code none;
  const bool large = fs::is_regular_file(path, none) && fs::file_size(path, none) > data::cached_from_bytes;
  if (large || data.cache != "auto") fs::create_directories(*folder, none);
  return *folder;
}

/// The inputs as they are before the run reads them.
std::vector<record::Input> inputs_of(const config::Scenario& scenario) {
  std::vector<record::Input> inputs;
  for (const auto& [key, path] : config::used_paths(scenario))
    inputs.push_back({key, path, record::digest_of_input(path, digest_notes(scenario.data, path))});
  return inputs;
}

/// After a claim from which no run came.
void unclaim(const record::RunFolder& folder) {
  std::error_code ignored;
  for (const auto name : {std::string_view("scenario.toml"), record::checkpoint_name})
    std::filesystem::remove(folder.path(name), ignored);
}

lane::BegunRun begun(const std::string& started, const std::vector<record::Input>& inputs) {
  lane::BegunRun run{device::revision(), started, {}};
  for (const auto& i : inputs) run.inputs.push_back({i.key, i.path, i.digest.sha256, i.digest.bytes});
  return run;
}

/// Whether the same command is to go on with the run: it was stopped, by a signal or by what may be mended.
bool goes_on_later(const std::string& ended) {
  return ended == "interrupted" || ended.rfind("failed", 0) == 0;
}

void write_models(const config::Scenario& s, const record::RunFolder& folder,
                  const actors::RunResult& result) {
  const lane::ModelInput input{result.channels, result.height, result.width, result.classes, result.depth};
  if (s.scenario.execute == config::Execute::train && s.output.model && result.report.outcome.model)
    lane::save(s.model, input, result.report.outcome.model, folder.path("model.pt"));
  if (s.output.audit)
    model::write_vectors(folder.path("audit/final.npz"), {{"final", result.report.outcome.model}});
  for (const auto& [point, model] : result.report.snapshots)
    lane::save(s.model, input, model, folder.path("snapshot_" + point + ".pt"));
}

std::string audit_note(const record::RunFolder& folder) {
  std::uintmax_t bytes = 0;
  int files = 0;
  for (const auto name : record::run_files) {
    std::error_code none;
    if (name.rfind("audit/", 0) != 0) continue;
    const auto size = std::filesystem::file_size(folder.path(name), none);
    if (!none) bytes += size, ++files;
  }
  return fmt::format(
      "audit/ holds {} files, {:.1f} MB; tools/audit/README.md tells which runs can be computed again from "
      "them",
      files, static_cast<double>(bytes) / 1e6);
}

}  // namespace

actors::RunResult execute(const config::Scenario& scenario, record::RunFolder& folder,
                          actors::RunOptions options, std::optional<Unfinished> unfinished, bool alone) {
  const auto started = unfinished ? unfinished->held.run.started : base::utc_now();
  const double away = unfinished ? unfinished->away_seconds : 0;
  const auto inputs = inputs_of(scenario);
  const auto checkpoint = folder.path(record::checkpoint_name);
  if (unfinished || scenario.output.checkpoint_every > 0) {
    std::optional<lane::CheckpointContent> held;
    if (unfinished) held = std::move(unfinished->held);
    options.checkpoint = std::make_shared<lane::Checkpoint>(
        checkpoint, lane::CheckpointPace{scenario.output.checkpoint_every}, std::move(held));
  }
  const bool training = scenario.scenario.execute == config::Execute::train;
  if (scenario.output.events) options.files.events = folder.path("events.jsonl");
  if (scenario.output.trace) options.files.trace = folder.path("trace.json");
  if (training) options.files.metrics = folder.path("metrics.csv");
  if (training) options.files.requests = folder.path("requests.csv");
  if (training) options.files.clients = folder.path("clients.csv");
  if (training) options.files.attacks = folder.path("attacks.csv");
  options.files.calibrations = folder.path("calibrations.csv");
  if (scenario.output.audit) options.files.audit = (folder.root() / "audit").string();
  options.prepared = [&, kept = options.checkpoint, also = std::move(options.prepared)] {
    if (also) also();
    folder.claim();
    try {  // the scenario last: where that stands, the run can go on
      if (kept) kept->begin(begun(started, inputs), away);
      write_scenario(folder, scenario);
    } catch (...) {
      if (!kept || !kept->goes_on()) unclaim(folder);
      throw;
    }
    if (scenario.output.audit) folder.audit();
  };
  auto result = actors::run_scenario(scenario, options);
  if (result.on_its_way) return result;

  auto& failure = result.report.failure;
  try {
    write_models(scenario, folder, result);
  } catch (const std::exception& e) {  // what the run recorded is kept, and its summary says what is missing
    failure += (failure.empty() ? "" : "; ") + std::string(e.what());
    result.summary.ended = "failed: " + failure;
  }
  if (scenario.output.audit) result.notes.push_back(audit_note(folder));
  result.summary.started = started;
  result.summary.revision = device::revision();
  if (!alone) result.summary.peak_rss_bytes = 0;
  auto versions = device::library_versions();
  versions.emplace_back("CAF", "0.17.6");
  try {
    record::write_summary(folder, result.summary, versions);
    record::write_seal(folder, inputs);  // last: with files.json a folder is whole
    std::error_code ignored;
    if (!goes_on_later(result.summary.ended)) std::filesystem::remove(checkpoint, ignored);
  } catch (const std::exception& e) {
    std::error_code ignored;  // it may stand, and yet not last: the run is not over
    std::filesystem::remove(folder.path("files.json"), ignored);
    throw std::runtime_error((failure.empty() ? "" : failure + "; ") + e.what());
  }
  return result;
}

}  // namespace afu::cli
