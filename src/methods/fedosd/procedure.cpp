/// FedOSD (Pan et al., AAAI 2025; see README.md): everybody, the target included, computes in every
/// unlearning round, behind a barrier; the model steps along the target's unlearning gradient made orthogonal
/// to all others. Recovery rounds follow without the target, each update kept from going back. The federation
/// is halted all the while. The released code takes the whole component along the way out of a recovery
/// update, whichever way it points; `projection` = "one_sided" takes it where it points back.
#include <utility>

#include "config/scenario.hpp"
#include "engine/kernel_job.hpp"
#include "engine/sgd_settings.hpp"
#include "methods/calibration.hpp"
#include "methods/registry.hpp"
#include "train/train_job.hpp"

namespace afu::methods {
namespace {

class FedOsd : public Procedure {
 public:
  explicit FedOsd(const Request& request) : request_(request) {}

  Step next(const View& view, const job::JobResult* result) override {
    switch (stage_) {
      case Stage::start:
        stage_ = Stage::unlearn;
        return Halt{};
      case Stage::unlearn:
        if (round_ == 0) model_ = before_ = view.model;
        if (round_ > 0) model_ = first_output(result);
        if (round_ == view.settings->integer("rounds")) {
          stage_ = Stage::unlearned;
          return Replace{model_};
        }
        stage_ = Stage::direction;
        return everybody(view);
      case Stage::direction:
        stage_ = Stage::unlearn;
        ++round_;
        return step(view, "fedosd_direction");
      case Stage::unlearned:
        stage_ = Stage::recover;
        round_ = 0;
        return Forgotten{};
      case Stage::recover:
        if (round_ > 0) model_ = first_output(result);
        if (round_ == view.settings->integer("recovery_rounds")) {
          stage_ = Stage::recovered;
          if (round_ > 0) return Replace{model_};
          return next(view, nullptr);
        }
        stage_ = Stage::recovery_step;
        return retained(view, "recovery_lr");
      case Stage::recovery_step:
        stage_ = Stage::recover;
        ++round_;
        return step(view, "fedosd_recover");
      case Stage::recovered:
        stage_ = Stage::finished;
        model_.reset();
        before_.reset();
        return Resume{};
      case Stage::finished:
        break;
    }
    return Done{};
  }

 private:
  enum class Stage { start, unlearn, direction, unlearned, recover, recovery_step, recovered, finished };

  base::StreamKey key(const View& view, std::uint32_t client) const {
    const auto phase = stage_ == Stage::recovery_step ? std::uint64_t{1} << 31 : 0;
    return {view.scenario->scenario.seed, base::purpose("fedosd"), client,
            (std::uint64_t{request_.index} << 32) + phase + static_cast<std::uint64_t>(round_)};
  }

  /// A local training of every retained client, plain SGD with the step size `lr`.
  Collect retained(const View& view, const char* lr) const {
    const auto epochs = view.settings->integer("local_epochs"), batch = view.settings->integer("batch_size");
    engine::SgdSettings sgd;
    sgd.lr = view.settings->real(lr);
    Collect work;
    for (const auto& p : view.participants()) {
      auto& w = work.work.emplace_back();
      w.client = p.client;
      w.job = train::TrainJob{model_,
                              p.rows,
                              sgd,
                              epochs,
                              0,
                              batch,
                              key(view, p.client),
                              nullptr,
                              nullptr,
                              view.scenario->training.augment};
      w.passes = static_cast<double>(p.samples * epochs);
    }
    return work;
  }

  Step everybody(const View& view) const {
    auto work = retained(view, "lr");
    job::KernelJob job;
    job.kernel = "fedosd_target";
    job.settings = *view.settings;
    job.inputs = {model_};
    job.samples = {request_.forget};
    job.key = key(view, request_.client);
    const auto passes = static_cast<double>(request_.forget_count * view.settings->integer("local_epochs"));
    auto& w = work.work.emplace_back();
    w.client = request_.client;
    w.job = std::move(job);
    w.passes = passes;
    return work;
  }

  /// The model after the answers: the target's first, then the others'.
  Step step(const View& view, const char* kernel) const {
    job::KernelJob job;
    job.kernel = kernel;
    job.settings.set("projection", view.settings->text("projection"));
    if (view.model) {
      job.inputs = {model_, before_};
      for (const auto& [client, answer] : view.collected) {
        if (client == request_.client && stage_ == Stage::unlearn)
          job.inputs[1] = answer->outputs.front();
        else
          job.inputs.push_back(answer->outputs.front());
      }
    }
    return Erase{std::move(job), 0, false};
  }

  Request request_;
  Stage stage_ = Stage::start;
  std::int64_t round_ = 0;
  ParametersPtr model_, before_;
};

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
  m.options = {
      {"rounds", std::int64_t{100}, "Unlearning rounds.", "rounds", 1, 1000000, false, {}},
      {"recovery_rounds",
       std::int64_t{100},
       "Rounds without the target that follow.",
       "rounds",
       0,
       1000000,
       false,
       {}},
      {"lr", 4e-4, "Step size of the unlearning rounds' local training.", "", 0.0, 10.0, true, {}},
      {"recovery_lr",
       1e-6,
       "Step size of the recovery rounds; the paper's nearly freezes the model.",
       "",
       0.0,
       10.0,
       true,
       {}},
      {"projection",
       std::string{"two_sided"},
       "What is taken out of a recovery update: its component along the unlearning's way, wherever it points "
       "(two_sided, the released code's), or only where it points back (one_sided).",
       "",
       0,
       0,
       false,
       {"two_sided", "one_sided"}},
      {"local_epochs", std::int64_t{1}, "Local epochs of a round.", "epochs", 1, 1000, false, {}},
      {"batch_size", std::int64_t{200}, "Batch size.", "samples", 1, 65536, false, {}},
  };
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<FedOsd>(r); };
  return m;
}

}  // namespace afu::methods
