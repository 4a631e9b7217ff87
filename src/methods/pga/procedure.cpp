/// PGA (Halimi et al. 2022; see README.md): projected gradient ascent at the target from w_ref, the model
/// without the target's contribution: the mean of the last round's other members after a FedAvg round,
/// (w - A_u)/(1 - m_u) where whole models are mixed, and w - C_u where differences are added (`rescale`
/// scales the others' up for it).
///
/// How large the ball is and when to stop is in conflict, and `variant` chooses. The paper: a third of the
/// distance, until the validation accuracy falls below tau (a tau is known for MNIST only, 0.12, second hand).
/// Its code: sqrt(1/3) of it, until |w - w_u|^2 exceeds a number (2.2 for MNIST). Its successor, by AFU-IC's
/// presumed authors: a third, until that has grown by a factor, which needs no number of the data set's. The
/// default is of both: the code's radius and the successor's stop.
#include <algorithm>
#include <optional>
#include <utility>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/one_job.hpp"
#include "methods/pga/job.hpp"
#include "methods/registry.hpp"
#include "methods/shared.hpp"
#include "methods/target_erasures.hpp"

namespace afu::methods {
namespace {

/// w after FedAvg rounds without the target's model w_u: the mean of what the last round's other members
/// sent, and what was done to the model since that round made w_T, w_ref = w + pi (w_T - w_u) / (1 - pi).
/// Where the target was not in that round (it was not chosen, dropped out, or asked in mid-round) that mean
/// is w_T itself; where it was alone in it nothing but the round's base is left.
engine::Combination without_last_model(const ParametersPtr& model, const aggregate::Tracked& t) {
  const double pi = t.last_weight;
  if (!t.last_model) return {model, 1.0, {}, {}};
  if (pi >= 1) return {model, 1.0, {{-1.0, t.last_delta, nullptr}}, {}};
  const double keep = 1.0 / (1.0 - pi);
  engine::Combination c{
      model, keep, {{-pi * keep, t.last_base, nullptr}, {-pi * keep, t.last_delta, nullptr}}, {}};
  if (t.last_model != model) {
    c.keep = 1.0;
    c.terms.insert(c.terms.begin(), {pi * keep, t.last_model, nullptr});
  }
  return c;
}

/// w_ref.
engine::Combination reference(const View& view, bool rescaled) {
  const auto* t = view.target;
  if (!t || t->contributions == 0) return {view.model, 1.0, {}, {}};
  if (view.synchronous && t->last_base) return without_last_model(view.model, *t);
  return without_target(view, rescaled);
}

/// After a FedAvg round only.
std::optional<engine::Combination> last_local_model(const View& view) {
  const auto* t = view.target;
  if (!t || t->contributions == 0 || !view.synchronous || !t->last_base) return std::nullopt;
  return engine::Combination{t->last_base, 1.0, {{1.0, t->last_delta, nullptr}}, {}};
}

/// Samples that the target holds out.
double held_out(const View& view, const Request& request) {
  if (view.target_holdout) return static_cast<double>(view.target_holdout->size());
  const double share = view.scenario->partition.holdout_fraction;
  return static_cast<double>(request.forget_count) * share / (1 - share);
}

Script pga(Request request, const Now& now) {
  return erase_at_target(std::move(request), now, [](const View& view, const Request& r) {
    return pga_erasure(view, r, *view.settings);
  });
}

}  // namespace

void check_pga_erasure(const config::Scenario& s, const config::Complain& complain) {
  if (s.unlearning.methods.at("pga").real("stop_accuracy") > 0 && s.partition.holdout_fraction == 0)
    complain(
        "unlearning.pga.stop_accuracy",
        "it is measured on samples of the target that are never trained on, partition.holdout_fraction is 0, "
        "allowed with it is a value above 0");
}

Erase pga_erasure(const View& view, const Request& request, const config::Values& settings) {
  PgaJob job;
  if (view.model) {
    job.base = view.model;
    job.reference = reference(view, settings.flag("rescale"));
    job.last = last_local_model(view);
  }
  job.forget = request.forget;
  job.sgd.lr = settings.real("lr");
  job.sgd.momentum = settings.real("momentum");
  job.sgd.clip_norm = settings.real("clip_norm");
  job.epochs = settings.integer("epochs");
  job.batch_size = settings.integer("batch_size");
  job.max_steps = settings.integer("max_steps");
  job.radius_frac = settings.real("radius_frac");
  job.stop_factor = settings.real("stop_factor");
  job.stop_distance = settings.real("stop_distance");
  job.stop_accuracy = settings.real("stop_accuracy");
  job.key = {view.scenario->scenario.seed, base::purpose("pga"), request.client, request.index};
  const auto all = request.forget_count * job.epochs, most = job.max_steps * job.batch_size;
  auto passes = static_cast<double>(most > 0 ? std::min(all, most) : all);
  if (job.stop_accuracy > 0) {  // a forward pass over the held-out samples after each step
    job.validation = view.target_holdout;
    passes += passes / static_cast<double>(job.batch_size) * held_out(view, request) / 3;
  }
  return {std::move(job), passes, true};
}

Method pga_method() {
  Method m;
  m.name = "pga";
  m.help = "The target ascends its loss from the model without its contribution, inside a ball around it.";
  m.traits.needs.accumulator = true;
  m.traits.needs.last_update = true;
  m.traits.default_coordination = Coordination::blocking;
  m.traits.coordinations = {Coordination::blocking, Coordination::concurrent};
  m.traits.needs_target = true;
  m.traits.refusals = {{Scope::data_class, "one target computes the erasure on its own samples"}};
  using namespace config;
  m.options = {
      number("lr", 2e-3, above(0, 10), "Learning rate of the ascent."),
      number("momentum", 0.9, from(0, 0.999), "Momentum."),
      number("clip_norm", 1.0, from(0, 1e9), "Largest norm of a step's gradient; 0 turns clipping off."),
      number("epochs", 5, from(1, 1000), "Local epochs over the forget set, at most.", "epochs"),
      number("max_steps", 750, from(0, 1e9), "Most steps; 0 sets no limit.", "steps"),
      number("batch_size", 32, from(1, 65536), "Batch size.", "samples"),
      variant(
          {"default", "paper", "code", "successor"},
          "Whose radius and stop, which follow where they are not given. paper: in words a third of the distance; an "
          "accuracy, for which MNIST's is quoted. code: its radius, sqrt(1/3) of the distance; a squared distance, its "
          "MNIST's. successor: that of AFU-IC's presumed authors; a growth of that distance. default: the code's radius, "
          "the successor's stop."),
      number("radius_frac", 0.577, above(0, 10),
             "Radius of the ball over the rms distance to 10 random models.")
          .in_variant("paper", 0.333)
          .in_variant("successor", 0.333),
      number(
          "stop_factor", 3.0, from(0, 1e9),
          "After a FedAvg round: stop when the squared distance to the target's last model has grown so many "
          "times; 0 turns that off.")
          .in_variant("paper", 0.0)
          .in_variant("code", 0.0),
      number("stop_distance", 0.0, from(0, 1e9),
             "After a FedAvg round: stop when that squared distance exceeds this; 0 turns that off.")
          .in_variant("code", 2.2),
      number("stop_accuracy", 0.0, from(0, 1),
             "Stop when the accuracy on the target's held-out samples falls below this; 0 turns that off.")
          .in_variant("paper", 0.12),
      flag(
          "rescale", false,
          "Where differences are added: scale the others' contributions by 1 / (1 - the target's share), about "
          "the initial model, once the target's are out."),
  };
  m.start = &scripted<&pga>;
  m.jobs = {job::type_of<PgaJob>()};
  m.check = &check_pga_erasure;
  return m;
}

}  // namespace afu::methods
