#include "cli/execute.hpp"

#include <fstream>
#include <stdexcept>
#include <utility>

#include "compute/devices.hpp"
#include "compute/prepare_model.hpp"
#include "config/writer.hpp"
#include "record/host.hpp"
#include "record/seal.hpp"
#include "record/summary.hpp"
#include "unlearn/registry.hpp"

namespace afu::cli {
namespace {

void write_scenario(const record::RunFolder& folder, const config::Scenario& s) {
  const auto path = folder.path("scenario.toml");
  std::ofstream out(path);
  out << config::to_toml(s, unlearn::method_sections());
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace

actors::RunResult execute(const config::Scenario& scenario, const record::RunFolder& folder,
                          actors::RunOptions options, bool alone) {
  const auto started = record::utc_now();
  std::vector<record::Input> inputs;  // as they are before the run reads them
  for (const auto& [key, path] : config::used_paths(scenario))
    inputs.push_back({key, path, record::digest_of_input(path)});
  write_scenario(folder, scenario);
  const bool training = scenario.scenario.execute == config::Execute::train;
  if (scenario.output.events) options.files.events = folder.path("events.jsonl");
  if (scenario.output.trace) options.files.trace = folder.path("trace.json");
  if (training) options.files.metrics = folder.path("metrics.csv");
  if (training) options.files.attacks = folder.path("attacks.csv");
  options.files.calibrations = folder.path("calibrations.csv");
  auto result = actors::run_scenario(scenario, options);

  result.summary.started = started;
  result.summary.revision = compute::revision();
  if (!alone) result.summary.peak_rss_bytes = 0;
  auto versions = compute::library_versions();
  versions.emplace_back("CAF", "0.17.6");
  const compute::ModelInput input{result.channels, result.height, result.width, result.classes};
  if (training && scenario.output.model && result.report.outcome.model)
    compute::save(scenario.model, input, result.report.outcome.model, folder.path("model.pt"));
  for (const auto& [point, model] : result.report.snapshots)
    compute::save(scenario.model, input, model, folder.path("snapshot_" + point + ".pt"));
  record::write_summary(folder, result.summary, versions);
  // Last: with files.json a folder is whole.
  record::write_seal(folder, inputs);
  return result;
}

}  // namespace afu::cli
