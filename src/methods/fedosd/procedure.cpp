/// FedOSD (Pan et al., AAAI 2025; see README.md): everybody, the target included, computes in every
/// unlearning round, behind a barrier; the model steps along the target's unlearning gradient made orthogonal
/// to all others. Recovery rounds follow without the target, each update kept from going back. The federation
/// is halted all the while. The released code takes the whole component along the way out of a recovery
/// update, whichever way it points; `projection` = "one_sided" takes it where it points back.
#include <utility>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/fedosd/job.hpp"
#include "methods/registry.hpp"
#include "methods/script.hpp"
#include "methods/shared.hpp"
#include "train/train_job.hpp"

namespace afu::methods {
namespace {

enum class Phase { unlearning, recovery };

/// A round of a phase, from `model`.
struct Round {
  Phase phase;
  std::int64_t number;
  ParametersPtr model;
};

base::StreamKey key_of(const View& view, const Request& request, const Round& round, std::uint32_t client) {
  const auto phase = round.phase == Phase::recovery ? std::uint64_t{1} << 31 : 0;
  return {view.scenario->scenario.seed, base::purpose("fedosd"), client,
          (std::uint64_t{request.index} << 32) + phase + static_cast<std::uint64_t>(round.number)};
}

/// A local training of every retained client, plain SGD.
Collect retained(const View& view, const Request& request, const Round& round) {
  const auto& settings = *view.settings;
  train::TrainJob job;
  job.base = round.model;
  job.sgd.lr = settings.real(round.phase == Phase::recovery ? "recovery_lr" : "lr");
  job.epochs = settings.integer("local_epochs");
  job.batch_size = settings.integer("batch_size");
  job.augment = view.scenario->training.augment;
  Collect work;
  for (const auto& p : view.participants()) {
    job.samples = p.rows;
    job.key = key_of(view, request, round, p.client);
    work.work.push_back({p.client, job, static_cast<double>(p.samples * job.epochs)});
  }
  return work;
}

/// The target's too, which descends the unlearning cross entropy.
Collect everybody(const View& view, const Request& request, const Round& round) {
  const auto& settings = *view.settings;
  FedosdTargetJob job;
  job.model = round.model;
  job.forget = request.forget;
  job.lr = settings.real("lr");
  job.epochs = settings.integer("local_epochs");
  job.batch_size = settings.integer("batch_size");
  job.key = key_of(view, request, round, request.client);
  const auto passes = static_cast<double>(request.forget_count * job.epochs);
  auto work = retained(view, request, round);
  work.work.push_back({request.client, std::move(job), passes});
  return work;
}

/// The model after an unlearning round's answers.
Erase unlearn(const View& view, const Request& request, const ParametersPtr& model) {
  FedosdDirectionJob job;
  job.model = model;
  if (view.model)
    for (const auto& [client, answer] : view.collected) {
      const auto& update = answer->outputs.front();
      if (client == request.client)
        job.target = update;
      else
        job.retained.push_back(update);
    }
  return {std::move(job), 0, false};
}

/// The model after a recovery round's answers; `before`: that before the unlearning.
Erase recover(const View& view, const ParametersPtr& model, const ParametersPtr& before) {
  FedosdRecoverJob job;
  job.model = model;
  job.before = before;
  if (view.settings->text("projection") == "one_sided") job.projection = RecoveryProjection::one_sided;
  if (view.model)
    for (const auto& [client, answer] : view.collected) job.retained.push_back(answer->outputs.front());
  return {std::move(job), 0, false};
}

Script fedosd(Request request, const Now& now) {
  co_yield Halt{};
  const auto before = now->model;
  const auto held = now->version;  // nothing is merged until all go on
  Round round{Phase::unlearning, 0, before};
  for (const auto rounds = now->settings->integer("rounds"); round.number < rounds; ++round.number) {
    co_yield everybody(now.view(), request, round);
    const auto* result = co_yield unlearn(now.view(), request, round.model);
    round.model = first_output(result);
  }
  co_yield Replace{round.model, held};
  co_yield Forgotten{};
  round.phase = Phase::recovery;
  round.number = 0;
  for (const auto rounds = now->settings->integer("recovery_rounds"); round.number < rounds; ++round.number) {
    co_yield retained(now.view(), request, round);
    const auto* result = co_yield recover(now.view(), round.model, before);
    round.model = first_output(result);
  }
  if (round.number > 0) co_yield Replace{round.model, held};
  co_yield Resume{};
}

}  // namespace

Method fedosd_method() {
  Method m;
  m.name = "fedosd";
  m.help =
      "Everybody computes behind a barrier in each round; the target's gradient is made orthogonal to all "
      "others.";
  m.traits.default_coordination = Coordination::blocking;
  m.traits.coordinations = {Coordination::blocking};
  m.traits.scopes = {Scope::client};
  m.traits.refusals = {{Scope::samples, "the target must stay away from its recovery rounds"},
                       {Scope::data_class, "its unlearning gradient is one client's against all others'"}};
  m.traits.needs_target = true;
  using namespace config;
  m.options = {
      number("rounds", 100, from(1, 1000000), "Unlearning rounds.", "rounds"),
      number("recovery_rounds", 100, from(0, 1000000), "Rounds without the target that follow.", "rounds"),
      number("lr", 4e-4, above(0, 10), "Step size of the unlearning rounds' local training."),
      number("recovery_lr", 1e-6, above(0, 10),
             "Step size of the recovery rounds; the paper's nearly freezes the model."),
      choice(
          "projection", {"two_sided", "one_sided"},
          "What is taken out of a recovery update: its component along the unlearning's way, wherever it points "
          "(two_sided, the released code's), or only where it points back (one_sided)."),
      number("local_epochs", 1, from(1, 1000), "Local epochs of a round.", "epochs"),
      number("batch_size", 200, from(1, 65536), "Batch size.", "samples"),
  };
  m.start = &scripted<&fedosd>;
  m.jobs = {job::type_of<FedosdTargetJob>(), job::type_of<FedosdDirectionJob>(),
            job::type_of<FedosdRecoverJob>()};
  return m;
}

}  // namespace afu::methods
