/// FedEraser (Liu et al., IWQoS 2021; see README.md): the retained rounds are gone through again without the
/// target. In each, the others train for a fraction of the usual epochs; their stored updates keep their
/// length and take the new direction. Everybody waits in every round; what the federation learned meanwhile
/// would be overwritten, so it is halted. The default variant is the paper's: length and direction of each
/// client's whole update, and the weighted mean of these. The paper's printed sum has a factor 1/(K - 1) on top
/// of weights that sum to 1 already, which is taken for a slip: `variant` = "printed" has it.
///
/// `variant` = "code" takes length and direction tensor by tensor, from the clients' means, as the released
/// code does. Even so that differs from it: its means are unweighted, ours weighted
/// as the updates were merged; it rescales BatchNorm's statistics as if they were weights, ours are the mean
/// of what the new trainings ended with; it has no floor under the length that it divides by, ours leaves a
/// tensor alone that did not move.
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/federaser/job.hpp"
#include "methods/registry.hpp"
#include "methods/script.hpp"
#include "methods/shared.hpp"
#include "train/train_job.hpp"

namespace afu::methods {
namespace {

using aggregate::HistoryRound;

/// A client's updates in a round.
struct Stored {
  double weight = 0;
  std::vector<std::pair<double, ParametersPtr>> updates;
};
using ByClient = std::map<std::uint32_t, Stored>;

/// The round's stored updates of those who go on.
ByClient stored(const View& view, const HistoryRound& round) {
  ByClient by_client;
  for (const auto& p : view.participants()) by_client.emplace(p.client, Stored{});
  for (const auto& c : round.contributions)
    if (auto i = by_client.find(c.client); i != by_client.end()) {
      i->second.weight += c.weight;
      i->second.updates.emplace_back(c.weight, c.delta);
    }
  for (auto i = by_client.begin(); i != by_client.end();)
    i = i->second.updates.empty() ? by_client.erase(i) : std::next(i);
  return by_client;
}

/// What a round's weights are multiplied with, so that those who go on carry it all.
double rescale(const HistoryRound& round, const ByClient& kept) {
  double all = 0, rest = 0;
  for (const auto& c : round.contributions) all += c.weight;
  for (const auto& [client, s] : kept) rest += s.weight;
  return rest > 0 ? all / rest : 0;
}

/// The initial model holds nothing of the target: the first round's updates are applied as they are.
Erase first_step(const View& view, const HistoryRound& round) {
  engine::CombineJob job;
  if (view.model) {
    engine::Combination c;
    c.start = view.history->first();
    const auto kept = stored(view, round);
    const double factor = rescale(round, kept);
    double total = 0;
    for (const auto& [client, s] : kept) total += s.weight;
    for (const auto& [client, s] : kept)
      for (const auto& [weight, delta] : s.updates) {
        c.terms.push_back({weight * factor, delta, nullptr});
        c.buffers.emplace_back(weight / total, delta);
      }
    job.outputs.push_back(std::move(c));
  }
  return {std::move(job), 0, false};
}

/// Short trainings from `model` of those who go on and were in the round, whose place among the rounds is `index`. They have
/// the step sizes of the version before the round's last.
Collect trainings(const View& view, const Request& request, const HistoryRound& round, std::size_t index,
                  const ParametersPtr& model) {
  const auto& t = view.scenario->training;
  const auto part = [&](std::int64_t of) {
    return std::max<std::int64_t>(
        1, std::llround(std::ceil(view.settings->real("ratio") * static_cast<double>(of))));
  };
  const auto kept = stored(view, round);
  Collect work;
  for (const auto& p : view.participants()) {
    if (!kept.count(p.client)) continue;
    auto job = train::local_training(t, model, p.rows,
                                     {view.scenario->scenario.seed, base::purpose("federaser"), p.client,
                                      (std::uint64_t{request.index} << 32) + index},
                                     view.lr_factor ? view.lr_factor(p.client, round.end_version - 1) : 1);
    job.epochs = part(t.local_epochs);
    job.steps = t.local_steps > 0 ? part(t.local_steps) : 0;
    const auto passes =
        job.steps > 0 ? job.steps * std::min(t.batch_size, p.samples) : p.samples * job.epochs;
    work.work.push_back({p.client, std::move(job), static_cast<double>(passes)});
  }
  return work;
}

/// The model after the answers.
Erase step(const View& view, const HistoryRound& round, const ParametersPtr& model) {
  const auto& settings = *view.settings;
  FederaserStepJob job;
  job.model = model;
  if (settings.text("norm") == "layer") job.norm = LengthOf::layer;
  if (settings.text("calibrate") == "mean") job.calibrate = LengthOfWhom::mean;
  job.printed_factor = settings.flag("printed_factor");
  if (view.model) {
    const auto kept = stored(view, round);
    const double factor = rescale(round, kept);
    for (const auto& [client, answer] : view.collected) {
      const auto& s = kept.at(client);
      CalibratedUpdate u;
      u.weight = s.weight * factor;
      u.fresh = answer->outputs.front();
      // Several updates of one client in a pseudo-round count as their weighted mean.
      for (const auto& [weight, delta] : s.updates)
        u.stored.terms.push_back({weight / s.weight, delta, nullptr});
      job.updates.push_back(std::move(u));
    }
  }
  return {std::move(job), 0, false};
}

/// The rounds again, from the first version.
Script recalibrate(Request request, const Now& now, std::vector<HistoryRound> rounds) {
  const auto* result = co_yield first_step(now.view(), rounds.front());
  auto model = first_output(result);
  for (std::size_t i = 1; i < rounds.size(); ++i) {
    if (stored(now.view(), rounds[i]).empty()) continue;  // only the target was in it
    co_yield trainings(now.view(), request, rounds[i], i, model);
    result = co_yield step(now.view(), rounds[i], model);
    model = first_output(result);
  }
  // The first kept round's updates are in it as they were sent; those of later rounds gave their lengths alone.
  co_yield Replace{model, rounds.front().end_version};
}

Script federaser(Request request, const Now& now) {
  co_yield Halt{};
  if (!now->history->rounds().empty())
    co_await recalibrate(request, now, now->history->rounds());
  else if (now->history->begun())  // nothing to go through again: what is left is the first version
    co_yield Replace{now->history->first(), now->history->first_version()};
  co_yield Resume{};
  co_yield Forgotten{};
}

std::string warning(const config::Scenario& s) {
  if (s.training.optimiser == config::LocalOptimiser::sgd) return {};
  return "federaser keeps the lengths of stored updates and takes new directions, as its paper has it of SGD; an update by " +
         config::quoted(s.training.optimiser) +
         " is about as long as its steps are many, whatever was learned";
}

}  // namespace

Method federaser_method() {
  Method m;
  m.name = "federaser";
  m.help = "Goes through the stored rounds again without the target, with short local trainings.";
  m.traits.needs.history.rounds = true;
  m.traits.refusals = {
      {Scope::data_class,
       "what it calibrates are stored updates of whole clients, each of which holds all its classes"}};
  m.traits.needs.history.all_clients = true;
  m.traits.default_coordination = Coordination::blocking;
  m.traits.coordinations = {Coordination::blocking};
  using namespace config;
  m.options = {
      number("interval", 2, from(1, 1000000), "Every which round is stored (Delta t).", "rounds"),
      number("ratio", 0.5, above(0, 1),
             "Part of the usual local epochs (or steps) that a calibration round takes (r), rounded up."),
      variant(
          {"paper", "printed", "code"},
          "What keeps its length and takes the new direction. paper: each client's update, as a whole vector. printed: "
          "the same, and a calibration round's step is divided once more by the number of clients that go on, as the "
          "paper prints it; taken for a slip, since the weights sum to 1 already. code, the released one: the clients' "
          "mean update, each tensor by itself."),
      choice("norm", {"global", "layer"}, "Over what an update's length is kept.")
          .in_variant("code", "layer")
          .retire(),
      choice("calibrate", {"client", "mean"}, "Whose update keeps its length.")
          .in_variant("code", "mean")
          .retire(),
      flag("printed_factor", false, "Divide a step once more, by the number of clients that go on.")
          .in_variant("printed", true)
          .retire(),
  };
  m.needs = [](const config::Values& settings) {
    Needs n;
    n.history.rounds = true;
    n.history.all_clients = true;
    n.history.every = static_cast<std::uint64_t>(settings.integer("interval"));
    return n;
  };
  m.check = [](const config::Scenario& s, const config::Complain& complain) {
    if (s.training.shards > 1)
      complain("training.shards",
               std::to_string(s.training.shards) +
                   " divides a client's samples, the trainings of \"federaser\" go through all "
                   "of them as one, allowed with it is 1");
  };
  m.warning = &warning;
  m.start = &scripted<&federaser>;
  m.jobs = {job::type_of<FederaserStepJob>()};
  return m;
}

}  // namespace afu::methods
