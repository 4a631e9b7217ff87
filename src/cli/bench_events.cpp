/// afu bench events: what an event costs, against the number of clients.
#include <time.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

#include "actors/launch.hpp"
#include "cli/bench_parts.hpp"
#include "cli/terminal.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "methods/registry.hpp"

namespace afu::cli {
namespace {

/// Actors, links and clocks run, nothing is trained, nothing is written. Three updates a client.
constexpr const char* kScenario = R"(
[scenario]
name = "bench_events"
execute = "timing"
[data]
image_size = 8
val_samples = 100
test_samples = 100
[partition]
holdout_fraction = 0.0
[heterogeneity.compute]
seconds_per_sample = 0.5
slowdown = { distribution = "lognormal", median = 1.0, sigma = 0.5 }
[evaluation]
every_updates = 1000000
)";

struct Options {
  std::vector<std::int64_t> clients{100, 1'000, 10'000, 100'000};
  std::string json;
};

double process_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

TimingRun run_timing_only(std::int64_t clients) {
  const auto updates = 3 * std::max<std::int64_t>(clients, 3'000);
  const auto scenario = config::parse_scenario(
      kScenario, "bench events",
      {fmt::format("partition.clients={}", clients), fmt::format("data.train_samples={}", 2 * clients),
       fmt::format("stop.updates={}", updates)},
      methods::method_sections());
  double began = 0;
  actors::RunOptions options;
  options.on_start = [&](const auto&, auto&) { began = process_seconds(); };
  const auto result = actors::run_scenario(scenario, options);
  const double cpu = process_seconds() - began;
  if (!result.report.failure.empty()) throw std::runtime_error(result.report.failure);
  return {clients, result.summary.events, result.summary.wall_seconds, cpu};
}

namespace {

int bench_events(const Options& o) {
  nlohmann::ordered_json j{{"bench", "events"}};
  print("{:>9} {:>10} {:>9} {:>13} {:>13}\n", "clients", "events", "wall s", "CPU us/event", "events/wall s");
  for (const auto clients : o.clients) {
    const auto r = run_timing_only(clients);
    print("{:>9} {:>10} {:>9.3f} {:>13.3f} {:>13.0f}\n", r.clients, r.events, r.wall, r.microseconds(),
          static_cast<double>(r.events) / r.wall);
    j["rows"].push_back({{"clients", r.clients},
                         {"events", r.events},
                         {"wall_seconds", r.wall},
                         {"cpu_seconds", r.cpu},
                         {"cpu_microseconds_per_event", r.microseconds()}});
  }
  if (!o.json.empty()) write_json(j, o.json);
  return 0;
}

}  // namespace

std::function<int()> declare_bench_events(CLI::App& bench) {
  auto o = std::make_shared<Options>();
  bench.add_option("--clients", o->clients, "How many clients, one run each")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  bench.add_option("--json", o->json, "Also write this file");
  return [o] { return bench_events(*o); };
}

}  // namespace afu::cli
