#include "cli/study_estimate.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "actors/launch.hpp"
#include "bench/bench_train.hpp"
#include "config/scenario.hpp"
#include "data/federated.hpp"
#include "device/devices.hpp"

namespace afu::cli {
namespace {

double gradients(config::Scenario s, const std::atomic<bool>* interrupt) {
  s.scenario.execute = config::Execute::timing;
  s.scenario.clock = config::Clock::simulated;
  actors::RunOptions options;
  options.interrupt = interrupt;
  const auto result = actors::run_scenario(s, options);
  double sum = static_cast<double>(result.summary.samples_trained);
  for (const auto& e : result.summary.erasures) sum += e.server_passes;
  return sum;
}

/// Rows that one evaluation takes through the network.
double evaluation_rows(const config::Scenario& s, const data::FederatedData& data) {
  double rows =
      static_cast<double>(data.test->size() + (data.triggered_test ? data.triggered_test->size() : 0));
  rows += static_cast<double>(s.evaluation.max_retain_samples);
  for (const auto& e : s.erasures)
    if (e.client >= 0) {
      const auto& share = data.clients[static_cast<std::size_t>(e.client)];
      rows += static_cast<double>(share.train->size() + share.holdout->size());
    }
  return rows;
}

Work work_of(const config::Scenario& s, const data::FederatedData& data, const std::atomic<bool>* interrupt) {
  Work w;
  w.whole = gradients(s, interrupt);
  std::int64_t first = -1;
  for (const auto& e : s.erasures)
    if (e.at_update >= 0 && (first < 0 || e.at_update < first)) first = e.at_update;
  if (first > 0) {
    auto past = s;
    past.erasures.clear();
    past.data.backdoor.client = std::max<std::int64_t>(0, past.data.backdoor.client);
    past.stop = {};
    past.stop.updates = first;
    w.past = gradients(past, interrupt);
  }
  if (s.scenario.execute == config::Execute::timing || s.evaluation.every_updates == 0) return w;
  const double each = evaluation_rows(s, data) / 3;
  const auto evaluations = [&](double updates) {
    return updates / static_cast<double>(s.evaluation.every_updates);
  };
  w.past += each * evaluations(static_cast<double>(std::max<std::int64_t>(0, first)));
  w.whole += each * (evaluations(static_cast<double>(s.stop.updates)) +
                     2.0 * static_cast<double>(s.evaluation.dense_updates));
  return w;
}

}  // namespace

std::vector<Work> work_of_cells(const study::Plan& plan, const std::vector<std::size_t>& which,
                                const std::atomic<bool>* interrupt) {
  std::vector<Work> out;
  std::map<std::pair<std::size_t, std::vector<std::size_t>>, Work> known;
  for (auto i : which) {
    if (interrupt && interrupt->load()) break;
    const auto& cell = plan.cells[i];
    const auto& s = cell.scenario;
    const auto key = std::make_pair(cell.arm, cell.values);
    auto found = known.find(key);
    if (found == known.end()) {
      Work work;
      if (s.scenario.execute == config::Execute::train)
        work = work_of(s, data::federate(data::load_source(s.data, s.scenario.seed, s.file), s), interrupt);
      found = known.emplace(key, work).first;
    }
    out.push_back(found->second);
  }
  return out;
}

StudyEstimate estimate(const study::Plan& plan, const std::vector<std::size_t>& open, int jobs) {
  StudyEstimate e;
  const auto cores = std::max<std::int64_t>(1, device::device_info("cpu").cores_or_sms);
  e.jobs = jobs > 0 ? jobs : static_cast<int>(cores);
  const auto works = work_of_cells(plan, open);
  std::map<std::size_t, bool> begun;
  for (std::size_t i = 0; i < open.size(); ++i) {
    const auto& cell = plan.cells[open[i]];
    const auto& s = cell.scenario;
    if (s.scenario.execute == config::Execute::timing) continue;  // microseconds an event
    if (e.samples_per_second == 0) {
      const auto data = data::federate(data::load_source(s.data, s.scenario.seed, s.file), s);
      e.samples_per_second = bench::bench_train(s.model,
                                                {data.pool->channels, data.pool->height, data.pool->width,
                                                 data.classes(), data.pool->depth},
                                                {"cpu", s.training.batch_size, 8, {1}, 3})
                                 .rows.front()
                                 .images_per_second;
    }
    const bool shares =
        std::exchange(begun[cell.group], true) && s.scenario.clock == config::Clock::simulated;
    e.gradients += works[i].whole - (shares ? works[i].past : 0);
    if (shares) e.shared_gradients += works[i].past;
  }
  if (e.samples_per_second > 0)
    e.seconds =
        e.gradients / e.samples_per_second / static_cast<double>(std::min<std::int64_t>(e.jobs, cores));
  return e;
}

}  // namespace afu::cli
