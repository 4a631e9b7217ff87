/// A ledger by shard.
#include <functional>
#include <map>
#include <string>

#include "config/scenario.hpp"
#include "tests/methods/afu_ic/procedure.hpp"

using namespace afu;
using test::AfuIc;
using test::Names;

namespace {

/// The target's ledger is kept by three shards, of which the first has nothing yet.
struct ByShard : AfuIc {
  ByShard() {
    target.influence = nullptr;
    target.shards = {nullptr, test::some_model(), test::some_model()};
    scenario.training.shards = 3;
    request.scope = methods::Scope::samples;
  }
};

}  // namespace

TEST_CASE("afu_ic: of a part of a client those shards are subtracted that hold some of it") {
  ByShard s;
  s.set("gain", 0.5);
  s.view.shards = {0, 2};
  s.run();
  const auto* job = s.all<methods::Erase>().at(0).job.as<engine::CombineJob>();
  REQUIRE(job);
  REQUIRE(job->outputs.size() == 1);
  REQUIRE(job->outputs[0].terms.size() == 1);
  CHECK(job->outputs[0].terms[0].vector == s.target.shards[2]);
  CHECK(job->outputs[0].terms[0].coefficient == -0.5);
  const auto merge = s.all<methods::MergeErasure>().at(0);
  REQUIRE(merge.taken.size() == 1);
  REQUIRE(merge.taken[0].shards.size() == 2);
  CHECK(merge.taken[0].shards[0].number == 0);
  CHECK(merge.taken[0].shards[0].influence == nullptr);
  CHECK(merge.taken[0].shards[1].number == 2);
  CHECK(merge.taken[0].shards[1].influence == s.target.shards[2]);
  CHECK(merge.taken[0].contributions == 2);
}

TEST_CASE("afu_ic: of shards that the ledger has nothing of nothing is in the model") {
  ByShard s;
  s.view.shards = {0};
  CHECK(s.run() == Names{"Forgotten", "Done"});
  ByShard timing;  // nobody has vectors
  timing.view.model = nullptr;
  timing.view.shards = {0, 1, 2};
  timing.target.shards.assign(3, nullptr);
  CHECK(timing.run().front() == "Erase");
  timing.target.contributions = 0;
  CHECK(timing.run() == Names{"Forgotten", "Done"});
}

TEST_CASE("afu_ic: what a ledger by shard cannot do is refused") {
  const auto complaints = [](const std::function<void(ByShard&)>& change) {
    ByShard s;
    change(s);
    return s.complaints();
  };
  CHECK(complaints([](auto&) {}).empty());
  const auto refused = [&](const std::string& key, const std::function<void(ByShard&)>& change) {
    CAPTURE(key);
    CHECK(complaints(change).count(key) == 1);
    CHECK(complaints([&](auto& s) {
            change(s);
            s.scenario.training.shards = 1;
          }).count(key) == 0);
  };
  refused("training.rule", [](auto& s) { s.scenario.training.rule = config::Rule::fedasync; });
  refused("unlearning.afu_ic.gain_by", [](auto& s) { s.set("gain_by", std::string("layer")); });
  refused("unlearning.late", [](auto& s) { s.scenario.unlearning.late = config::LatePolicy::guard; });
  refused("calibration.research.guard_rank",
          [](auto& s) { s.scenario.calibration.research->guard_rank = 1; });
  refused("training.shards", [](auto& s) {
    config::Erasure e;
    e.scope = config::Scope::data_class;
    e.label = 1;
    s.scenario.erasures = {e};
  });
  CHECK(complaints([](auto& s) {
          s.set("erasure", std::string("uce"));
          s.scenario.training.rule = config::Rule::fedasync;
        }).empty());
}

TEST_CASE("who trains a second head, or trains again by steps of its own, is refused with shards") {
  for (const char* name : {"fedau", "federaser"}) {
    config::Scenario s;
    for (const auto& m : methods::methods()) s.unlearning.methods[m.name] = config::Values(m.options);
    s.unlearning.method = name;
    s.training.shards = 2;
    for (const auto& section : methods::method_sections()) {
      if (section.name != name) continue;
      std::map<std::string, std::string> found;
      section.check(s, [&](const std::string& key, const std::string& text) { found[key] = text; });
      CHECK(found.count("training.shards") == 1);
    }
  }
}

TEST_CASE("the ledger is kept by shard for afu_ic's ledger alone") {
  config::Scenario s;
  for (const auto& m : methods::methods()) s.unlearning.methods[m.name] = config::Values(m.options);
  s.training.shards = 4;
  for (const auto& m : methods::methods())
    CHECK(methods::needs_of(m, s).shards == (m.name == "afu_ic" ? 4 : 1));
  s.unlearning.methods.at("afu_ic").set("erasure", std::string("uce"));
  CHECK(methods::needs_of(methods::find_method("afu_ic"), s).shards == 1);
}
