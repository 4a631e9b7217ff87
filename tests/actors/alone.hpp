#pragma once
/// One actor alone, on one thread and on virtual time. Its neighbours are fakes that note what they get.
#include <torch/types.h>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/spawn.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "methods/registry.hpp"
#include "model/parameters.hpp"

#include <doctest/doctest.h>

namespace afu::test {

using namespace actors;

/// Whoever was kept is ended with it. Handlers of fakes must not throw: CAF would eat that.
class Alone {
 public:
  caf::actor_system_config config;
  caf::actor_system sys;

  Alone() : sys(prepared(config)) {
    scheduler().clock().current_time += std::chrono::hours(1);  // time 0 has a meaning of its own
  }
  ~Alone() {
    settle();
    for (const auto& actor : kept_) caf::anon_send_exit(actor, caf::exit_reason::kill);
    settle();
    scheduler().clock().cancel_all();
    settle();
  }
  template <class Handle>
  Handle keep(Handle handle) {
    kept_.push_back(caf::actor_cast<caf::actor>(handle));
    return handle;
  }
  /// Delivers every message that is there; time stands still.
  void settle() { scheduler().run(); }
  void advance(double seconds) {
    scheduler().clock().advance_time(
        std::chrono::duration_cast<caf::timespan>(std::chrono::duration<double>(seconds)));
    settle();
  }
  template <class Handle, class... Ts>
  void tell(const Handle& handle, Ts&&... xs) {
    caf::anon_send(handle, std::forward<Ts>(xs)...);
    settle();
  }
  template <class Handle>
  void kill(const Handle& handle) {
    caf::anon_send_exit(handle, caf::exit_reason::kill);
    settle();
  }

 private:
  static caf::actor_system_config& prepared(caf::actor_system_config& c) {
    c.add_message_types<caf::id_block::afu>();
    c.set("scheduler.policy", caf::atom("testing"));
    return c;
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  }

  std::vector<caf::actor> kept_;
};

/// What all actors of a run of that scenario would share. Four clients of 100 samples and a timing-only run, unless
/// the test changes it.
inline std::shared_ptr<Context> context_of(const std::string& text,
                                           const std::vector<std::string>& set = {}) {
  const std::string all = "[data]\nclasses = 3\n[partition]\nclients = 4\n" + text;
  auto c = std::make_shared<Context>();
  const auto scenario = std::make_shared<const config::Scenario>(
      config::parse_scenario(all, "test.toml", set, methods::method_sections()));
  const auto& s = *scenario;
  c->scenario = c->setup.scenario = scenario;
  c->setup.samples = {100, 100, 100, 100};
  c->setup.model_bytes = 1000;
  c->setup.forget.resize(s.erasures.size());
  c->profiles = std::make_shared<const sim::Profiles>(s.heterogeneity, s.scenario.seed, s.partition.clients);
  c->availability =
      std::make_shared<sim::Availability>(s.heterogeneity.availability, s.scenario.seed, s.partition.clients);
  return c;
}

/// What the federation was told.
struct Told {
  std::vector<std::string> failures;
  std::vector<Progress> progress;
  std::vector<TimelineEnd> ends;
  std::vector<OutcomePtr> outcomes;
  std::vector<ReportPtr> reports;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> counts;  ///< joined, late
  int closed = 0;
};

inline std::pair<federation_actor, std::shared_ptr<Told>> fake_federation(Alone& alone) {
  auto told = std::make_shared<Told>();
  auto behaviour = [told](federation_actor::pointer) -> federation_actor::behavior_type {
    return {
        [](atom::start) {},
        [](atom::halt) {},
        [=](const Progress& p) { told->progress.push_back(p); },
        [=](const TimelineEnd& e) { told->ends.push_back(e); },
        [=](const OutcomePtr& o) { told->outcomes.push_back(o); },
        [=](atom::drain, const ReportPtr& r) { told->reports.push_back(r); },
        [=](atom::report, std::uint64_t joined, std::uint64_t late) {
          told->counts.emplace_back(joined, late);
        },
        [=](atom::closed) { ++told->closed; },
        [=](atom::failed, const std::string& why) { told->failures.push_back(why); },
        [](atom::crash, NodeId, const std::string&) {},
        [](atom::force, int) {},
    };
  };
  return {alone.keep(federation_actor{alone.sys.spawn(behaviour)}), told};
}

/// What the recorder was given.
struct Given {
  std::vector<LogBatch> batches;
  std::vector<record::MetricsRow> rows;
  std::vector<record::AttackRow> attacks;
  std::vector<record::LaneSpan> spans;
  std::vector<record::CalibrationRecord> calibrations;
  int replayed = 0;
};

inline std::pair<recorder_actor, std::shared_ptr<Given>> fake_recorder(Alone& alone) {
  auto given = std::make_shared<Given>();
  auto behaviour = [given](recorder_actor::pointer) -> recorder_actor::behavior_type {
    return {
        [=](const LogBatch& b) { given->batches.push_back(b); },
        [=](const record::MetricsRow& r) { given->rows.push_back(r); },
        [=](const record::AttackRow& r) { given->attacks.push_back(r); },
        [=](const record::CalibrationRecord& c) { given->calibrations.push_back(c); },
        [=](const record::LaneSpan& s) { given->spans.push_back(s); },
        [](const record::AuditJob&) {},
        [](const federate::AuditedUpdate&) {},
        [](atom::flush) {},
        [=](atom::replayed) { ++given->replayed; },
        [](atom::checkpoint) {},
        [](atom::close) {},
    };
  };
  return {alone.keep(recorder_actor{alone.sys.spawn(behaviour)}), given};
}

/// What a lane was given; it answers nothing by itself.
struct LaneGiven {
  std::vector<Assignment> assignments;
  dispatcher_or_server owner;

  std::vector<std::uint64_t> ids() const {
    std::vector<std::uint64_t> all;
    for (const auto& a : assignments)
      for (const auto& s : *a) all.push_back(s.id);
    return all;
  }
};

inline std::pair<lane_actor, std::shared_ptr<LaneGiven>> fake_lane(Alone& alone) {
  auto given = std::make_shared<LaneGiven>();
  auto behaviour = [given](lane_actor::pointer) -> lane_actor::behavior_type {
    return {[=](const Assignment& a, const dispatcher_or_server& owner) {
      given->assignments.push_back(a);
      given->owner = owner;
    }};
  };
  return {alone.keep(lane_actor{alone.sys.spawn(behaviour)}), given};
}

/// Six values.
inline model::ParametersPtr vector(float value) {
  static const auto layout = [] {
    auto l = std::make_shared<model::Layout>();
    l->parameters = {{"w", {2, 3}, 0, 6}};
    l->parameter_count = 6;
    return l;
  }();
  return std::make_shared<const model::ParameterVector>(
      model::ParameterVector{layout, torch::full({6}, value), torch::empty({0})});
}

/// A result of one figure.
inline ResultPtr result_of(double loss) {
  auto r = std::make_shared<job::JobResult>();
  r->figures["test_loss"] = loss;
  return r;
}
inline ResultPtr failed_result(const std::string& why) {
  auto r = std::make_shared<job::JobResult>();
  r->error = why;
  return r;
}

}  // namespace afu::test
