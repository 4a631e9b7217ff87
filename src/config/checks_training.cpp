#include "config/checks_training.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "config/text.hpp"

namespace afu::config {

namespace {

void check_schedule(const TrainingSection& t, const Complain& complain) {
  const auto& stones = t.schedule_milestones;
  const auto complain_of = [&](const char* key, const std::string& text) {
    complain(std::string("training.") + key, text);
  };
  const bool step = t.schedule == LrSchedule::step, cosine = t.schedule == LrSchedule::cosine;
  if (!stones.empty() && !step)
    complain_of("schedule_milestones", "it does nothing, training.schedule is " + quoted(t.schedule) +
                                           ", allowed with it is \"step\"");
  if (step && stones.empty() && t.schedule_every == 0)
    complain_of("schedule",
                "\"step\" never falls, allowed with it are schedule_milestones or schedule_every above 0");
  if (step && !stones.empty() && t.schedule_every > 0)
    complain_of("schedule_every", std::to_string(t.schedule_every) +
                                      " stands beside schedule_milestones, allowed is one of them");
  for (std::size_t i = 1; i < stones.size(); ++i)
    if (stones[i] <= stones[i - 1])
      complain_of("schedule_milestones", std::to_string(stones[i]) + " comes after " +
                                             std::to_string(stones[i - 1]) + ", allowed are ascending ones");
  if (cosine && t.schedule_length <= t.warm_up)
    complain_of("schedule_length", std::to_string(t.schedule_length) +
                                       " leaves a cosine nothing, allowed is more than warm_up, " +
                                       std::to_string(t.warm_up));
  if (t.schedule_by != LrClock::jobs && !step && !cosine && t.warm_up == 0)
    complain_of("schedule_by",
                quoted(t.schedule_by) + " does nothing, training.schedule is \"constant\" and warm_up 0");
  if (t.schedule_by == LrClock::rounds && !traits(t.rule).synchronous)
    complain_of("schedule_by", "\"rounds\" are for the rule \"fedavg\", training.rule is " + quoted(t.rule));
}

void check_shards(const TrainingSection& t, const Complain& complain) {
  if (t.shards == 1) return;
  if (t.local_steps > 0)
    complain("training.local_steps", std::to_string(t.local_steps) +
                                         " would end within a shard, training.shards is " +
                                         std::to_string(t.shards) + ", allowed with it is 0");
  if (t.balanced)
    complain("training.balanced", "true draws from all of a client's samples, training.shards is " +
                                      std::to_string(t.shards) + ", allowed with it is false");
}

}  // namespace

void check_training(const Scenario& s, const Complain& complain) {
  const auto& t = s.training;
  check_schedule(t, complain);
  check_shards(t, complain);
  const auto of_rules = [&](const char* key, bool changed, const std::string& value,
                            const std::vector<Rule>& rules) {
    std::vector<std::string> called;
    for (const auto r : rules) called.push_back(name_of(r));
    if (!changed || std::find(rules.begin(), rules.end(), t.rule) != rules.end()) return;
    complain(std::string("training.") + key,
             value + (rules.size() > 1 ? " is for the rules " : " is for the rule ") + quoted_list(called) +
                 ", training.rule is " + quoted(t.rule));
  };
  of_rules("server_momentum", t.server_momentum > 0, number_text(t.server_momentum),
           {Rule::fedavg, Rule::fedbuff});
  of_rules("round_weights", t.round_weights != RoundWeight::samples, quoted(t.round_weights), {Rule::fedavg});
  of_rules("staleness_average", t.staleness_average > 0, number_text(t.staleness_average), {Rule::fedbuff});
  of_rules("mixing_halved_at", t.mixing_halved_at > 0, std::to_string(t.mixing_halved_at), {Rule::fedasync});
  if (traits(t.rule).buffered && s.stop.updates > 0 && t.buffer_size > s.stop.updates)
    complain("training.buffer_size",
             std::to_string(t.buffer_size) + " is never filled, the run stops at stop.updates " +
                 std::to_string(s.stop.updates) + ", so no version would be published");
  if (traits(t.rule).follows && t.port_similarity == 0 && t.port_staleness == 0)
    complain(
        "training.port_staleness",
        "0.0 and port_similarity 0.0 leave every update without weight, allowed is one above 0 at least");
  if (t.ewc_labels != FisherLabels::all && t.ewc_strength == 0)
    complain("training.ewc_labels",
             "it does nothing, training.ewc_strength is 0.0, allowed with it is a value above 0");
}

}  // namespace afu::config
