/// FedQUIT (Mora et al. 2024; see README.md): the target distils from a teacher whose true logit is lowered to
/// the smallest one. Blocking as its authors have it: everybody waits, the student replaces the model.
/// Concurrent: its delta is merged. `true_logit` and `loss` are the variants of the paper and its code; the
/// code's own default loss, "kd", is none that it accepts.
#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/fedquit/job.hpp"
#include "methods/one_job.hpp"
#include "methods/registry.hpp"
#include "methods/target_erasures.hpp"

namespace afu::methods {
namespace {

Script fedquit(Request request, const Now& now) {
  return erase_at_target(std::move(request), now, [](const View& view, const Request& r) {
    return fedquit_erasure(view, r, *view.settings);
  });
}

}  // namespace

Erase fedquit_erasure(const View& view, const Request& request, const config::Values& settings) {
  FedquitJob job;
  job.base = view.model;
  job.forget = request.forget;
  job.lr = settings.real("lr");
  job.epochs = settings.integer("epochs");
  job.batch_size = settings.integer("batch_size");
  job.true_logit = {config::named<TrueLogitKind>(settings.text("true_logit"), "true_logit"),
                    settings.real("true_logit_value"), settings.real("temperature")};
  job.loss = config::named<DistillationLoss>(settings.text("loss"), "loss");
  job.key = {view.scenario->scenario.seed, base::purpose("fedquit"), request.client, request.index};
  // a third of a pass more: the teacher's forward
  const auto passes = static_cast<double>(request.forget_count) * (static_cast<double>(job.epochs) + 1.0 / 3);
  return {std::move(job), passes, true};
}

Method fedquit_method() {
  Method m;
  m.name = "fedquit";
  m.help = "The target distils away its own labels for an epoch; recovery is the training that goes on.";
  m.traits.default_coordination = Coordination::blocking;
  m.traits.coordinations = {Coordination::blocking, Coordination::concurrent};
  m.traits.needs_target = true;
  m.one_class =
      "it lowers the logit of the one true class to the others', and an image with any number of labels has no such class";
  m.traits.refusals = {{Scope::data_class, "one target computes the erasure on its own samples"}};
  using namespace config;
  m.options = {
      number("lr", 1e-3, above(0, 1), "Learning rate of Adam."),
      number("epochs", 1, from(1, 1000), "Local epochs over the forget set.", "epochs"),
      number("batch_size", 32, from(1, 65536), "Batch size.", "samples"),
      choice(
          "true_logit", names<TrueLogitKind>(),
          "What the teacher's true logit is lowered to. min: the image's smallest. fixed: true_logit_value. "
          "weighted: the mean of the others, each by its probability among them."),
      number("true_logit_value", 0.0, from(-1e6, 1e6), "The fixed one."),
      choice(
          "loss", names<DistillationLoss>(),
          "Between the teacher's and the student's probabilities: kl, KL(teacher || student); ce, the cross "
          "entropy, which differs by a constant; mse, the mean over classes of the squared difference; cosine, "
          "1 - cos."),
      number("temperature", 1.0, above(0, 100), "Of both probabilities."),
  };
  m.start = &scripted<&fedquit>;
  m.jobs = {job::type_of<FedquitJob>()};
  return m;
}

}  // namespace afu::methods
