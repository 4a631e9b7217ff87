#include "methods/afu_ic/settings.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "methods/registry.hpp"

namespace afu::methods {
namespace {

/// What publish = "calibrated" cannot go with: a key, why, and what is allowed with it.
struct Obstacle {
  std::string key, reason;
};

/// All of them; none: "calibrated" can be.
std::vector<Obstacle> against_calibrated(const config::Values& v, const config::CalibrationSection& c) {
  const std::string publish = "unlearning.afu_ic.publish";
  const auto whole = "what is calibrated in private is merged with the erasure, whole; allowed with " +
                     publish + " = \"calibrated\" is ";
  std::vector<Obstacle> all;
  if (erasure_of(v) != Erasure::ledger && v.integer("erasure_rounds") > 1)
    all.push_back({publish, "\"calibrated\" publishes once, the erasure \"" + v.text("erasure") +
                                "\" is merged and calibrated in erasure_rounds, which are " +
                                std::to_string(v.integer("erasure_rounds")) +
                                ", allowed with it is \"at_once\", or 1 round"});
  if (v.integer("match_steps") > 0)
    all.push_back({publish,
                   "\"calibrated\" publishes once, what match_steps are taken from is published before them, "
                   "allowed with them is \"at_once\""});
  if (c.research->staleness_discount)
    all.push_back({"calibration.research.staleness_discount", whole + "false"});
  if (c.research->max_delta > 0) all.push_back({"calibration.research.max_delta", whole + "0"});
  if (c.steps == 0)
    all.push_back({publish,
                   "\"calibrated\" waits for a calibration, calibration.steps is 0, allowed with it is "
                   "\"at_once\""});
  return all;
}

/// Of a class there is no one target that could compute, and no one entry of the ledger.
void check_class(const config::Values& v, const config::Scenario& s, const config::Complain& complain) {
  const std::string key = "unlearning.afu_ic.",
                    why = " a class has none, allowed with the scope \"class\" is ";
  if (erasure_of(v) != Erasure::ledger)
    complain(key + "erasure",
             "\"" + v.text("erasure") + "\" is computed at one target," + why + "\"ledger\"");
  if (gain_by_layer(v))
    complain(key + "gain_by", "\"layer\" divides one target's entry," + why + "\"model\"");
  if (v.integer("match_steps") > 0)
    complain(key + "match_steps",
             std::to_string(v.integer("match_steps")) + " are taken at one target," + why + "0");
  if (s.calibration.research->guard_rank > 1)
    complain("calibration.research.guard_rank", std::to_string(s.calibration.research->guard_rank) +
                                                    " has one target sketch its gradients," + why +
                                                    "at most 1");
}

/// What a ledger by shard cannot go with.
void check_shards(const config::Values& v, const config::Scenario& s, const config::Complain& complain) {
  if (s.training.shards == 1 || erasure_of(v) != Erasure::ledger) return;
  const auto why = ", training.shards " + std::to_string(s.training.shards) +
                   " keeps an influence of each of a client's shards";
  if (config::traits(s.training.rule).whole_model)
    complain("training.rule",
             "\"fedasync\" mixes whole models, in which no shard has a part of its own" + why);
  if (gain_by_layer(v))
    complain("unlearning.afu_ic.gain_by",
             "\"layer\" divides one influence" + why + ", allowed with it is \"model\"");
  if (std::any_of(s.erasures.begin(), s.erasures.end(),
                  [](const auto& e) { return e.scope == config::Scope::data_class; }))
    complain("training.shards",
             std::to_string(s.training.shards) +
                 " keeps an influence of each of a client's shards, of which a class has some in "
                 "nearly all, allowed with the scope \"class\" is 1");
  const auto guards = [&](const std::string& key, const std::string& value, const std::string& allowed) {
    complain(key, value + " takes from a whole difference what no part of it tells" + why +
                      ", allowed with it is " + allowed);
  };
  if (s.unlearning.late == config::LatePolicy::guard)
    guards("unlearning.late", "\"guard\"", "another policy");
  if (s.calibration.research->guard_rank > 0)
    guards("calibration.research.guard_rank", std::to_string(s.calibration.research->guard_rank), "0");
  if (s.calibration.research->difference.guard) guards("calibration.difference.guard", "true", "false");
}

}  // namespace

Erasure erasure_of(const config::Values& v) { return config::named<Erasure>(v.text("erasure"), "erasure"); }

bool gain_by_layer(const config::Values& v) {
  return config::named<GainBy>(v.text("gain_by"), "gain_by") == GainBy::layer;
}

bool publishes_calibrated(const config::Values& v, const config::CalibrationSection& c) {
  const auto publish = config::named<Publish>(v.text("publish"), "publish");
  return publish == Publish::calibrated || (publish == Publish::auto_ && against_calibrated(v, c).empty());
}

void check_afu_ic(const config::Scenario& s, const config::Complain& complain) {
  const auto& v = s.unlearning.methods.at("afu_ic");
  const std::string key = "unlearning.afu_ic.";
  if (erasure_of(v) != Erasure::ledger) {
    const auto of = ", allowed with the erasure \"" + v.text("erasure") + "\" is ";
    if (gain_by_layer(v)) complain(key + "gain_by", "\"layer\" divides a ledger's entry" + of + "\"model\"");
    if (v.real("gain") != 1) complain(key + "gain", "it is a ledger's" + of + "1");
    if (v.real("ledger_decay") != 0) complain(key + "ledger_decay", "it is a ledger's" + of + "0");
  } else if (gain_by_layer(v) && config::traits(s.training.rule).whole_model) {
    complain(key + "gain_by",
             "\"layer\" takes the ledger as it is at the request, the rule \"fedasync\" changes it until the "
             "merge");
  }
  if (config::named<Publish>(v.text("publish"), "publish") == Publish::calibrated)
    for (const auto& [at, reason] : against_calibrated(v, s.calibration)) complain(at, reason);
  if (std::any_of(s.erasures.begin(), s.erasures.end(),
                  [](const auto& e) { return e.scope == config::Scope::data_class; }))
    check_class(v, s, complain);
  check_shards(v, s, complain);
  if (everybody_asks(s) && (s.calibration.steps > 0 || s.calibration.window_steps > 0))
    complain(s.calibration.steps > 0 ? "calibration.steps" : "calibration.window_steps",
             "a calibration needs images of a client that asks for no erasure, and all " +
                 std::to_string(s.partition.clients) + " ask; allowed with that is 0");
  if (v.integer("match_steps") > 0 && s.partition.holdout_fraction == 0)
    complain(
        key + "match_steps",
        "the level is taken on samples that the target holds out, partition.holdout_fraction is 0, allowed "
        "with it is 0");
  if (s.calibration.research->gate &&
      (s.training.server_momentum > 0 || config::traits(s.training.rule).balances ||
       config::traits(s.training.rule).whole_model))
    complain(
        "calibration.research.gate",
        "a part of a merge cannot be taken back where the rule mixes whole models or keeps vectors of its "
        "own; allowed are other rules than \"fedasync\" and \"aso_fed\", without server_momentum");
  const bool patterns = s.calibration.research->difference.guard;
  if ((s.calibration.research->guard_rank > 0 || patterns) &&
      (s.training.server_momentum > 0 || config::traits(s.training.rule).balances))
    complain(
        patterns ? "calibration.difference.guard" : "calibration.research.guard_rank",
        "a delta lives on in the rule's own vectors, which pass no guard; allowed are other rules, without "
        "server_momentum");
}

}  // namespace afu::methods
