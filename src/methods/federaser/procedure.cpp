/// FedEraser (Liu et al., IWQoS 2021; see README.md): the retained rounds are gone through again without the
/// target. In each, the others train for a fraction of the usual epochs; their stored updates keep their
/// length and take the new direction. Everybody waits in every round; what the federation learned meanwhile
/// would be overwritten, so it is halted. Defaults are the paper's: length and direction of each client's
/// whole update, and the weighted mean of these. The paper's printed sum has a factor 1/(K - 1) on top of
/// weights that sum to 1 already; it is taken for a slip, and is `printed_factor`.
///
/// What differs from the released code: it takes length and direction tensor by tensor, `norm` = "layer",
/// from the clients' means, `calibrate` = "mean". Even with both set, its means are unweighted, ours weighted
/// as the updates were merged; it rescales BatchNorm's statistics as if they were weights, ours are the mean
/// of what the new trainings ended with; it has no floor under the length that it divides by, ours leaves a
/// tensor alone that did not move.
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "engine/kernel_job.hpp"
#include "methods/calibration.hpp"
#include "methods/registry.hpp"
#include "train/train_job.hpp"

namespace afu::methods {
namespace {

class FedEraser : public Procedure {
 public:
  explicit FedEraser(const Request& request) : request_(request) {}

  Step next(const View& view, const job::JobResult* result) override {
    switch (stage_) {
      case Stage::start:
        stage_ = Stage::first;
        return Halt{};
      case Stage::first:
        rounds_ = view.history->rounds();
        if (rounds_.empty()) {  // nothing to go through again: what is left is the first version
          if (!view.history->begun()) return finish();
          stage_ = Stage::replaced;
          return Replace{view.history->first()};
        }
        stage_ = Stage::next_round;
        return first_round(view);
      case Stage::next_round:
        model_ = first_output(result);
        ++round_;
        while (round_ < rounds_.size() && stored(view).empty()) ++round_;  // only the target was in it
        if (round_ >= rounds_.size()) {
          stage_ = Stage::replaced;
          return Replace{model_};
        }
        stage_ = Stage::step;
        return collect(view);
      case Stage::step:
        stage_ = Stage::next_round;
        return step(view);
      case Stage::replaced:
        return finish();
      case Stage::resumed:
        stage_ = Stage::finished;
        return Forgotten{};
      case Stage::finished:
        break;
    }
    return Done{};
  }

 private:
  enum class Stage { start, first, next_round, step, replaced, resumed, finished };
  struct Stored {
    double weight = 0;
    std::vector<std::pair<double, ParametersPtr>> updates;
  };

  Step finish() {
    stage_ = Stage::resumed;
    rounds_.clear();
    model_.reset();
    return Resume{};
  }

  /// The round's stored updates of those who go on, by client.
  std::map<std::uint32_t, Stored> stored(const View& view) const {
    std::map<std::uint32_t, Stored> by_client;
    for (const auto& p : view.participants()) by_client.emplace(p.client, Stored{});
    for (const auto& c : rounds_[round_].contributions)
      if (auto i = by_client.find(c.client); i != by_client.end()) {
        i->second.weight += c.weight;
        i->second.updates.emplace_back(c.weight, c.delta);
      }
    for (auto i = by_client.begin(); i != by_client.end();)
      i = i->second.updates.empty() ? by_client.erase(i) : std::next(i);
    return by_client;
  }
  /// What a round's weights are multiplied with, so that those who go on carry it all.
  double rescale(const std::map<std::uint32_t, Stored>& kept) const {
    double all = 0, rest = 0;
    for (const auto& c : rounds_[round_].contributions) all += c.weight;
    for (const auto& [client, s] : kept) rest += s.weight;
    return rest > 0 ? all / rest : 0;
  }

  /// The initial model holds nothing of the target: the first round's updates are applied as they are.
  Step first_round(const View& view) {
    round_ = 0;
    engine::CombineJob job;
    if (view.model) {
      engine::Combination c{view.history->first(), 1.0, {}, {}};
      const auto kept = stored(view);
      const double factor = rescale(kept);
      double total = 0;
      for (const auto& [client, s] : kept) total += s.weight;
      for (const auto& [client, s] : kept)
        for (const auto& [weight, delta] : s.updates) {
          c.terms.push_back({weight * factor, delta, nullptr});
          c.buffers.emplace_back(weight / total, delta);
        }
      job.outputs.push_back(std::move(c));
    }
    return Erase{std::move(job), 0, false};
  }

  Step collect(const View& view) {
    const auto& t = view.scenario->training;
    const auto epochs = std::max<std::int64_t>(
        1, std::llround(std::ceil(view.settings->real("ratio") * static_cast<double>(t.local_epochs))));
    const auto steps = t.local_steps > 0 ? std::max<std::int64_t>(
                                               1, std::llround(std::ceil(view.settings->real("ratio") *
                                                                         static_cast<double>(t.local_steps))))
                                         : 0;
    Collect work;
    const auto kept = stored(view);
    for (const auto& p : view.participants()) {
      if (!kept.count(p.client)) continue;
      const auto passes = steps > 0 ? steps * std::min(t.batch_size, p.samples) : p.samples * epochs;
      auto& w = work.work.emplace_back();
      w.client = p.client;
      w.job = train::TrainJob{model_,
                              p.rows,
                              {t.lr, t.momentum, t.weight_decay, t.clip_norm, t.prox_mu, t.max_delta},
                              epochs,
                              steps,
                              t.batch_size,
                              {view.scenario->scenario.seed, base::purpose("federaser"), p.client,
                               (std::uint64_t{request_.index} << 32) + round_},
                              nullptr,
                              nullptr,
                              t.augment};
      w.passes = static_cast<double>(passes);
    }
    return work;
  }

  Step step(const View& view) {
    job::KernelJob job;
    job.kernel = "federaser_step";
    job.settings = *view.settings;
    if (!view.model) return Erase{std::move(job), 0, false};
    auto kept = stored(view);
    const double factor = rescale(kept);
    job.inputs.push_back(model_);
    for (const auto& [client, answer] : view.collected) {
      const auto& s = kept.at(client);
      job.numbers.push_back(s.weight * factor);
      // Several updates of one client in a pseudo-round count as their weighted mean.
      engine::Combination mean{nullptr, 1.0, {}, {}};
      for (const auto& [weight, delta] : s.updates) mean.terms.push_back({weight / s.weight, delta, nullptr});
      job.derived.push_back(std::move(mean));
      job.inputs.push_back(answer->outputs.front());
    }
    return Erase{std::move(job), 0, false};
  }

  Request request_;
  Stage stage_ = Stage::start;
  std::vector<aggregate::HistoryRound> rounds_;
  std::size_t round_ = 0;
  ParametersPtr model_;
};

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
  m.options = {
      {"interval",
       std::int64_t{2},
       "Every which round is stored (Delta t).",
       "rounds",
       1,
       1000000,
       false,
       {}},
      {"ratio",
       0.5,
       "Part of the usual local epochs (or steps) that a calibration round takes (r), rounded up.",
       "",
       0.0,
       1.0,
       true,
       {}},
      {"norm",
       std::string{"global"},
       "Over what an update's length is kept: global, the whole vector, as the paper's formula has it; "
       "layer, each tensor by itself, as the released code does.",
       "",
       0,
       0,
       false,
       {"global", "layer"}},
      {"calibrate",
       std::string{"client"},
       "Whose update keeps its length and takes the new direction. client: each client's, as in the paper. "
       "mean: the clients' mean, as in the released code.",
       "",
       0,
       0,
       false,
       {"client", "mean"}},
      {"printed_factor",
       false,
       "Divide a calibration round's step once more, by the number of clients that go on, as the paper "
       "prints it; the released code does not.",
       "",
       0.0,
       1.0,
       false,
       {}},
  };
  m.needs = [](const config::Values& settings) {
    Needs n;
    n.history.rounds = true;
    n.history.all_clients = true;
    n.history.every = static_cast<std::uint64_t>(settings.integer("interval"));
    return n;
  };
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<FedEraser>(r); };
  return m;
}

}  // namespace afu::methods
