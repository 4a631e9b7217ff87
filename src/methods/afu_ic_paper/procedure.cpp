/// The arm of the paper "Asynchronous Federated Unlearning with Invariance Calibration", as readers of its full text report
/// it; not verified (README.md). The target ascends from a snapshot, the version at the request, by PGA; the result is
/// assigned as the next global model, so that what others had merged meanwhile is lost; then the server takes steps down
/// KL(f(x) || f(Phi(x))) on the calibration images, Phi being an augmentation.
#include <numeric>
#include <utility>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "data/calibration_set.hpp"
#include "methods/afu_ic_paper/job.hpp"
#include "methods/pga/job.hpp"
#include "methods/registry.hpp"
#include "methods/script.hpp"
#include "methods/shared.hpp"
#include "methods/target_erasures.hpp"

namespace afu::methods {
namespace {

/// Where the ascent begins, and the middle of its ball: the snapshot, or the snapshot without the target's contributions, as
/// in PGA.
AFU_CHOICE(Reference, snapshot, without_target)

Reference reference_of(const config::Values& settings) {
  return config::named<Reference>(settings.text("reference"), "reference");
}

Erase ascent(View view, const Request& request) {
  if (reference_of(*view.settings) == Reference::snapshot) view.target = nullptr;
  return pga_erasure(view, request, view.scenario->unlearning.methods.at("pga"));
}

/// Images that a step takes.
double step_samples(const View& view) {
  const auto batch = view.scenario->calibration.batch_size;
  if (batch == 0) return calibration_samples(view);
  const auto shares = data::environment_shares(environment_sizes(view), batch, 1);
  return static_cast<double>(std::accumulate(shares.begin(), shares.end(), std::int64_t{0}));
}

/// Sample gradients of L on one image: a forward pass alone is a third of one.
double passes_an_image(const AugmentationKlJob& job) {
  const bool clean = job.constant != KlConstant::clean || job.cross_entropy > 0;
  const bool changed = job.constant != KlConstant::augmented;
  return (clean ? 1.0 : 1.0 / 3) + (changed ? 1.0 : 1.0 / 3);
}

Calibrate calibration(const View& view, const Request& request) {
  const auto& c = view.scenario->calibration;
  const auto& s = *view.settings;
  AugmentationKlJob job;
  job.base = view.model;
  job.environments = view.environments;
  job.sgd.lr = c.lr;
  job.sgd.momentum = c.momentum;
  job.sgd.clip_norm = c.clip_norm;
  job.steps = c.steps;
  job.batch_size = c.batch_size;
  job.constant = config::named<KlConstant>(s.text("constant"), "constant");
  job.phi = config::named<Phi>(s.text("phi"), "phi");
  job.cross_entropy = s.real("cross_entropy");
  job.key = {view.scenario->scenario.seed, base::purpose("afu_ic_paper"), request.index, 0};
  const auto passes = step_samples(view) * static_cast<double>(c.steps) * passes_an_image(job);
  const auto steps = c.steps;
  return {std::move(job), passes, steps};
}

Script afu_ic_paper(Request request, const Now& now) {
  const bool blocking = request.coordination == Coordination::blocking;
  if (blocking) co_yield Halt{};
  const auto snapshot = now->version;
  const auto* erased = co_yield ascent(now.view(), request);
  Replace assigned{nullptr, snapshot};
  if (erased) {
    assigned.model = erased->outputs.at(1);
    if (!blocking) assigned.erasure = erased->outputs.at(0);
  }
  co_yield assigned;
  if (now->scenario->calibration.steps > 0) {
    const auto* calibrated = co_yield calibration(now.view(), request);
    co_yield MergeCalibration{first_output(calibrated)};
  }
  if (blocking) co_yield Resume{};
  co_yield Forgotten{};
}

Needs needs(const config::Values& settings) {
  Needs n;
  n.accumulator = n.last_update = reference_of(settings) == Reference::without_target;
  return n;
}

void check(const config::Scenario& s, const config::Complain& complain) {
  check_pga_erasure(s, complain);
  if (everybody_asks(s) && s.calibration.steps > 0)
    complain("calibration.steps",
             "a calibration needs images of a client that asks for no erasure, and all " +
                 std::to_string(s.partition.clients) + " ask; allowed with that is 0");
  if (s.calibration.optimiser != config::Optimiser::sgd)
    complain("calibration.optimiser",
             config::quoted(s.calibration.optimiser) +
                 " is not offered by the method \"afu_ic_paper\", allowed is \"sgd\"");
}

}  // namespace

Method afu_ic_paper_method() {
  Method m;
  m.name = "afu_ic_paper";
  m.help =
      "The arm of AFU-IC's paper as reported, not verified: the target ascends from a snapshot by [unlearning.pga]; the result "
      "is assigned as the next global model, and what others merged meanwhile is lost; then the server takes calibration.steps "
      "steps down KL(f(x) || f(Phi(x))) on the calibration images, Phi an augmentation. Of [calibration] the set, steps, "
      "batch_size, lr, momentum and clip_norm count.";
  m.traits.needs.accumulator = true;
  m.traits.needs.last_update = true;
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  m.traits.needs_target = true;
  m.traits.assigns = true;
  m.traits.refusals = {{Scope::data_class, "one target computes the erasure on its own samples"}};
  using namespace config;
  m.options = {
      choice(
          "reference", names<Reference>(),
          "Where the ascent begins, and the middle of its ball. snapshot: the version at the request, as reported. "
          "without_target: that without what the target has contributed, as the method \"pga\" and the presumed precursor "
          "have it."),
      choice(
          "constant", names<KlConstant>(),
          "Which branch of KL(f(x) || f(Phi(x))) is the teacher, a constant; it is not known which is in the paper. clean: "
          "f(x). augmented: f(Phi(x)). none: neither."),
      choice(
          "phi", names<Phi>(),
          "The augmentation Phi, drawn anew for each image and step; it is not known what the paper's is. intensity: "
          "another contrast and brightness. blur: a blur with noise. both: one after the other."),
      number(
          "cross_entropy", 0.0, from(0, 1e6),
          "Weight of the mean cross entropy of the calibration images beside the divergence; whether the paper has such a "
          "term is not known."),
  };
  m.uses = {"pga"};
  m.start = &scripted<&afu_ic_paper>;
  m.jobs = {job::type_of<AugmentationKlJob>()};
  m.needs = &needs;
  m.check = &check;
  return m;
}

}  // namespace afu::methods
