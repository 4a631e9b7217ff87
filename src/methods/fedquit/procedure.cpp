/// FedQUIT (Mora et al. 2024; METHODS 5.10): the target distils from a teacher whose true logit is lowered to
/// the smallest one. Blocking as its authors have it: everybody waits, the student replaces the model.
/// Concurrent: its delta is merged. `true_logit` and `loss` are the variants of the paper and its code; the
/// code's own default loss, "kd", is none that it accepts (METHODS 12, trap 12).
#include "engine/kernel_job.hpp"
#include "methods/calibration.hpp"
#include "methods/registry.hpp"
#include "methods/target_erasures.hpp"

namespace afu::methods {
namespace {

class FedQuit : public EraseAtTarget {
 public:
  using EraseAtTarget::EraseAtTarget;

 protected:
  Erase erase(const View& view) override { return fedquit_erasure(view, request(), *view.settings); }
  MergeErasure merge(const View&, const job::JobResult* result) override {
    // Nothing moved while everybody waited, so merging the delta is replacing the model.
    return {first_output(result), std::nullopt};
  }
};

}  // namespace

Erase fedquit_erasure(const View& view, const Request& request, const config::Values& settings) {
  job::KernelJob job;
  job.kernel = "fedquit";
  job.settings = settings;
  job.inputs = {view.model};
  job.samples = {request.forget};
  job.key = {view.scenario->scenario.seed, base::purpose("fedquit"), request.client, request.index};
  const auto epochs = settings.integer("epochs");
  // a third of a pass more: the teacher's forward
  return {std::move(job), static_cast<double>(request.forget_count) * (static_cast<double>(epochs) + 1.0 / 3),
          true};
}

Method fedquit_method() {
  Method m;
  m.name = "fedquit";
  m.help = "The target distils away its own labels for an epoch; recovery is the training that goes on.";
  m.traits.default_coordination = Coordination::blocking;
  m.traits.coordinations = {Coordination::blocking, Coordination::concurrent};
  m.traits.needs_target = true;
  m.traits.refusals = {{Scope::data_class, "one target computes the erasure on its own samples"}};
  m.options = {
      {"lr", 1e-3, "Learning rate of Adam.", "", 0.0, 1.0, true, {}},
      {"epochs", std::int64_t{1}, "Local epochs over the forget set.", "epochs", 1, 1000, false, {}},
      {"batch_size", std::int64_t{32}, "Batch size.", "samples", 1, 65536, false, {}},
      {"true_logit",
       std::string{"min"},
       "What the teacher's true logit is lowered to. min: the image's smallest. fixed: true_logit_value. "
       "weighted: "
       "the mean of the others, each by its probability among them.",
       "",
       0,
       0,
       false,
       {"min", "fixed", "weighted"}},
      {"true_logit_value", 0.0, "The fixed one.", "", -1e6, 1e6, false, {}},
      {"loss",
       std::string{"kl"},
       "Between the teacher's and the student's probabilities: kl, KL(teacher || student); ce, the cross "
       "entropy, "
       "which differs by a constant; mse, the mean over classes of the squared difference; cosine, 1 - cos.",
       "",
       0,
       0,
       false,
       {"kl", "ce", "mse", "cosine"}},
      {"temperature", 1.0, "Of both probabilities.", "", 0.0, 100.0, true, {}},
  };
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<FedQuit>(r); };
  return m;
}

}  // namespace afu::methods
