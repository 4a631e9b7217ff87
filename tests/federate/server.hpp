#pragma once
/// The server without actors.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "federate/coordinator.hpp"
#include "methods/registry.hpp"
#include "tests/engine/fixture.hpp"

namespace afu::test {

using namespace afu::federate;

/// A server whose merges a lane computes at once. Messages are handed on by the test. Vectors hold one value
/// everywhere.
struct Server {
  Lane lane;
  std::unique_ptr<Coordinator> server;
  Effects fx;
  double now = 0;
  std::map<std::uint32_t, TrainTask> tasks;  ///< a client's last one
  std::vector<EraseTask> erasures;
  std::vector<std::pair<std::uint32_t, CollectTask>> collects;
  std::vector<CalibrateTask> calibrations;
  std::vector<record::Decision> decisions;
  std::vector<Post> first_posts;  ///< with which the run began
  int jobs = 0;                   ///< that a merge took, added up

  explicit Server(const std::string& text, const std::vector<std::string>& set = {}, bool timing = false,
                  std::vector<data::IndicesPtr> forget = {},
                  std::vector<std::uint32_t> samples = {100, 100, 100, 100},
                  const std::string& network = "logreg",
                  std::vector<std::vector<data::IndicesPtr>> shards = {})
      : lane(network, 1, network == "resnet18" ? small_shape : tiny_shape) {
    const std::string all =
        "[data]\nclasses = 3\n[partition]\nclients = 4\n[calibration]\nsamples_per_environment = 4\n" + text +
        "\n[stop]\nupdates = 1000\n";
    Setup s;
    s.scenario = std::make_shared<const config::Scenario>(
        config::parse_scenario(all, "test.toml", set, methods::method_sections()));
    if (!timing) s.initial = vector(0);
    s.samples = std::move(samples);
    s.statistics = lane.workspace->layout()->buffer_count > 0;
    s.forget = std::move(forget);
    s.forget.resize(s.scenario->erasures.size());
    s.shards = std::move(shards);
    server = std::make_unique<Coordinator>(std::move(s));
    server->start(0, fx);
    first_posts = fx.posts;
    carry_out();
  }
  model::ParametersPtr vector(double value) const {
    return lane.workspace->wrap(
        torch::full({lane.workspace->layout()->parameter_count}, value, torch::kFloat32),
        torch::full({lane.workspace->layout()->buffer_count}, value, torch::kFloat32));
  }
  double model() const {
    const auto m = server->evaluation(now).model;
    CHECK(largest(m->values - m->values[0]) == 0);
    return m->values[0].item<double>();
  }
  void carry_out() {
    while (fx.merge) {
      ++jobs;
      const auto result = lane.run(*std::exchange(fx.merge, std::nullopt));
      server->merged(now, result, fx);
    }
    CHECK(fx.failure == "");
    for (auto& p : fx.posts) {
      if (auto* t = std::get_if<TrainTask>(&p.payload)) tasks[p.to - record::first_client_node] = *t;
      if (auto* e = std::get_if<EraseTask>(&p.payload)) erasures.push_back(*e);
      if (auto* c = std::get_if<CollectTask>(&p.payload))
        collects.emplace_back(p.to - record::first_client_node, *c);
      if (auto* c = std::get_if<CalibrateTask>(&p.payload)) calibrations.push_back(*c);
      if (auto* r = std::get_if<EraseRequest>(&p.payload)) requests.push_back(*r);
    }
    decisions.insert(decisions.end(), fx.decisions.begin(), fx.decisions.end());
    fx = {};
  }
  template <class Message>
  void take(const Message& m) {
    now += 1;
    server->on(now, m, fx);
    carry_out();
    for (const auto& r : std::exchange(requests, {})) take(r);
  }
  void update(std::uint32_t client, double delta) {
    const auto t = tasks.at(client);
    take(Update{client, t.job, t.version, t.epoch, 100, 100,
                server->evaluation(0).model ? vector(delta) : nullptr, nullptr});
  }
  ResultPtr result(double value) const {
    auto r = std::make_shared<job::JobResult>();
    r->outputs = {vector(value)};
    return r;
  }
  /// The last decision's weight.
  double weight() const { return decisions.back().weight; }

 private:
  std::vector<EraseRequest> requests;
};

}  // namespace afu::test
