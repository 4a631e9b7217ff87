#include "config/checks_calibration.hpp"

#include <set>

#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "config/text.hpp"

namespace afu::config {
namespace {

class Checks {
 public:
  Checks(const Scenario& s, const Fail& fail) : s_(s), fail_(fail) {}

  /// Options that do nothing without another one. What stands in a resolved scenario as a default is no news.
  void all() const {
    const auto& c = s_.calibration;
    const CalibrationSection usual;
    const bool penalty = c.invariance != Invariance::none,
               perturbation = c.invariance == Invariance::perturbation;
    of_invariance("lambda", c.lambda != usual.lambda && c.lambda != 0, penalty, any_invariance());
    of_invariance("perturbation", c.perturbation != usual.perturbation, perturbation, quoted("perturbation"));
    if (perturbation && c.perturbation == Perturbation::oracle && s_.data.backdoor.trigger == Trigger::none)
      fail_("calibration.perturbation",
            "\"oracle\" applies the backdoor's own trigger, data.backdoor.trigger is \"none\"",
            {"data.backdoor.trigger", "calibration.invariance"});
    difference(c.research->difference, usual.research->difference);
    research(*c.research, *usual.research);
    environments();
  }

 private:
  /// Keys below "calibration.": `key` does nothing unless `holds`, which `other` decides.
  void only_with(const std::string& key, bool changed, bool holds, const std::string& other,
                 const std::string& value, const std::string& allowed) const {
    const std::string section = "calibration.";
    if (changed && !holds)
      fail_(section + key,
            "it does nothing, " + section + other + " is " + value + ", allowed with it is " + allowed,
            {section + other});
  }
  void of_invariance(const std::string& key, bool changed, bool holds, const std::string& allowed) const {
    only_with(key, changed, holds, "invariance", quoted(s_.calibration.invariance), allowed);
  }
  static std::string any_invariance() {
    return quoted_list({"perturbation", "irm", "vrex", "difference", "features"});
  }

  void difference(const CalibrationDifference& d, const CalibrationDifference& usual) const {
    const auto of_it = [&](const char* key, bool changed) {
      of_invariance(std::string("difference.") + key, changed,
                    s_.calibration.invariance == Invariance::difference, quoted("difference"));
    };
    of_it("labels", d.labels != usual.labels);
    of_it("restarts", d.restarts != usual.restarts);
    of_it("steps", d.steps != usual.steps);
    of_it("batch_size", d.batch_size != usual.batch_size);
    of_it("form", d.form != usual.form);
    of_it("sparsity", d.sparsity != usual.sparsity);
    of_it("guard", d.guard);
    of_it("prune", d.prune > 0);
    const auto& r = *s_.calibration.research;
    if (d.guard && (r.guard_rank > 0 || r.guard_measure))
      fail_("calibration.difference.guard",
            "a request has one guard, allowed with it are calibration.research.guard_rank = 0 and "
            "calibration.research.guard_measure = false",
            {"calibration.research.guard_rank", "calibration.research.guard_measure"});
    if (d.guard && s_.calibration.window_steps == 0)
      fail_("calibration.difference.guard",
            "it stands in the window, calibration.window_steps is 0, allowed is 1 or more",
            {"calibration.window_steps"});
    if (d.prune > 0 && s_.erasures.size() > 1)
      fail_("calibration.difference.prune",
            "clients have one mask, there are " + std::to_string(s_.erasures.size()) +
                " [[erasure]], allowed with it is one",
            {"erasure"});
    if (d.form == PatternForm::both && d.restarts < 2)
      fail_("calibration.difference.form",
            "\"both\" takes the restarts in turn, calibration.difference.restarts is " +
                std::to_string(d.restarts) + ", allowed with it is 2 or more",
            {"calibration.difference.restarts"});
  }

  void research(const CalibrationResearch& r, const CalibrationResearch& usual) const {
    const auto& c = s_.calibration;
    const std::string section = "research.";
    const auto of_any = [&](const char* key, bool changed) {
      of_invariance(section + key, changed, c.invariance != Invariance::none, any_invariance());
    };
    of_any("anneal_jobs", r.anneal_jobs != usual.anneal_jobs);
    of_any("divide_loss", r.divide_loss);
    of_any("sunset_jobs", r.sunset_jobs > 0);
    of_invariance(section + "gate", r.gate,
                  c.invariance != Invariance::none && c.invariance != Invariance::difference &&
                      c.invariance != Invariance::features,
                  quoted_list({"perturbation", "irm", "vrex"}));
    only_with(section + "gate", r.gate && c.invariance == Invariance::perturbation,
              c.perturbation != Perturbation::minimax, "perturbation", quoted(c.perturbation),
              quoted_list({"blind", "oracle", "adversarial"}));
    of_invariance(section + "feature_rank", r.feature_rank != usual.feature_rank,
                  c.invariance == Invariance::features, quoted("features"));
    const auto of_minimax = [&](const char* key, bool changed) {
      only_with(section + key, changed,
                c.invariance == Invariance::perturbation && c.perturbation == Perturbation::minimax,
                "perturbation", quoted(c.perturbation), quoted("minimax"));
    };
    of_minimax("minimax_steps", r.minimax_steps != usual.minimax_steps);
    of_minimax("minimax_radius", r.minimax_radius != usual.minimax_radius);
    of_invariance(section + "irm_estimator", r.irm_estimator != usual.irm_estimator,
                  c.invariance == Invariance::irm, quoted("irm"));
    const bool searches =
        c.invariance == Invariance::perturbation && c.perturbation == Perturbation::adversarial;
    const auto of_search = [&](const char* key, bool changed) {
      only_with(section + key, changed, searches, "perturbation", quoted(c.perturbation),
                quoted("adversarial"));
    };
    of_search("adversarial_every", r.adversarial_every != usual.adversarial_every);
    of_search("adversarial_steps", r.adversarial_steps != usual.adversarial_steps);
    of_search("adversarial_lr", r.adversarial_lr != usual.adversarial_lr);
    of_search("adversarial_sparsity", r.adversarial_sparsity != usual.adversarial_sparsity);
    const auto with = [&](const char* key, bool changed, bool holds, const char* other, const char* value,
                          const char* allowed) {
      only_with(section + key, changed, holds, section + other, value, allowed);
    };
    const char* positive = "a value above 0";
    with("fisher_form", r.fisher_form != usual.fisher_form, r.fisher > 0, "fisher", "0.0", positive);
    with("until_loss_steps", r.until_loss_steps != usual.until_loss_steps, r.until_loss, "until_loss",
         "false", "true");
    with("sunset_factor", r.sunset_factor != usual.sunset_factor, r.sunset_jobs > 0, "sunset_jobs", "0",
         positive);
    with("gate_epsilon", r.gate_epsilon != usual.gate_epsilon, r.gate, "gate", "false", "true");
    with("gate_samples", r.gate_samples != usual.gate_samples, r.gate, "gate", "false", "true");
    with("guard_restore", r.guard_restore > 0, r.guard_rank > 0, "guard_rank", "0", positive);
    if (r.gate && searches && c.steps == 0)
      fail_("calibration.research.gate",
            "the first calibration finds its trigger, calibration.steps is 0, allowed is 1 or more",
            {"calibration.steps"});
    if (r.sunset_jobs > 0 && c.window_steps == 0)
      fail_("calibration.research.sunset_jobs",
            "it counts the window's calibrations, calibration.window_steps is 0, allowed is 1 or more",
            {"calibration.window_steps"});
    if (r.until_loss && c.steps == 0)
      fail_("calibration.research.until_loss", "it repeats calibration.steps, which is 0",
            {"calibration.steps"});
  }

  /// A penalty that compares environments needs two of them at least.
  void environments() const {
    const auto& c = s_.calibration;
    std::set<std::int64_t> asking;
    for (const auto& e : s_.erasures)
      if (e.client >= 0) asking.insert(e.client);
    const auto stay = s_.partition.clients - static_cast<std::int64_t>(asking.size());
    const auto count = c.environments == EnvironmentKind::interventional ? 4 * stay : stay;
    if ((c.invariance == Invariance::irm || c.invariance == Invariance::vrex) && count < 2)
      fail_("calibration.invariance",
            quoted(c.invariance) + " compares environments, there are " + std::to_string(count) +
                ", allowed is from 2 clients that ask for no erasure, or interventional environments",
            {"partition.clients", "erasure", "calibration.environments"});
    if (c.invariance == Invariance::irm && c.research->irm_estimator == IrmEstimator::halves &&
        c.samples_per_environment < 2)
      fail_("calibration.research.irm_estimator",
            "\"halves\" needs 2 samples an environment, samples_per_environment is " +
                std::to_string(c.samples_per_environment),
            {"calibration.samples_per_environment"});
  }

  const Scenario& s_;
  const Fail& fail_;
};

}  // namespace

void check_calibration(const Scenario& scenario, const Fail& fail) { Checks{scenario, fail}.all(); }

}  // namespace afu::config
