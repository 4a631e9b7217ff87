#include "config/checks_calibration.hpp"

#include <set>

#include "config/scenario.hpp"
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
    const std::string section = "calibration.";
    const auto only_with = [&](const char* key, bool changed, bool holds, const std::string& other,
                               const std::string& value, const std::string& allowed) {
      if (changed && !holds)
        fail_(section + key,
              "it does nothing, " + section + other + " is " + value + ", allowed with it is " + allowed,
              {section + other});
    };
    const auto of_invariance = [&](const char* key, bool changed, bool holds, const std::string& allowed) {
      only_with(key, changed, holds, "invariance", quoted(c.invariance), allowed);
    };
    const bool penalty = c.invariance != "none", perturbation = c.invariance == "perturbation";
    const auto any = quoted_list({"perturbation", "irm", "vrex"});
    of_invariance("lambda", c.lambda != usual.lambda && c.lambda != 0, penalty, any);
    of_invariance("anneal_jobs", c.anneal_jobs != usual.anneal_jobs, penalty, any);
    of_invariance("divide_loss", c.divide_loss, penalty, any);
    of_invariance("perturbation", c.perturbation != usual.perturbation, perturbation, quoted("perturbation"));
    of_invariance("irm_estimator", c.irm_estimator != usual.irm_estimator, c.invariance == "irm",
                  quoted("irm"));
    const auto of_search = [&](const char* key, bool changed) {
      only_with(key, changed, perturbation && c.perturbation == "adversarial", "perturbation",
                quoted(c.perturbation), quoted("adversarial"));
    };
    of_search("adversarial_every", c.adversarial_every != usual.adversarial_every);
    of_search("adversarial_steps", c.adversarial_steps != usual.adversarial_steps);
    of_search("adversarial_lr", c.adversarial_lr != usual.adversarial_lr);
    of_search("adversarial_sparsity", c.adversarial_sparsity != usual.adversarial_sparsity);
    only_with("fisher_form", c.fisher_form != usual.fisher_form, c.fisher > 0, "fisher",
              number_text(c.fisher), "a value above 0");
    only_with("until_loss_steps", c.until_loss_steps != usual.until_loss_steps, c.until_loss, "until_loss",
              "false", "true");
    of_invariance("sunset_jobs", c.sunset_jobs > 0, penalty, any);
    only_with("sunset_factor", c.sunset_factor != usual.sunset_factor, c.sunset_jobs > 0, "sunset_jobs", "0",
              "a value above 0");
    of_invariance("gate", c.gate, penalty, any);
    only_with("gate_epsilon", c.gate_epsilon != usual.gate_epsilon, c.gate, "gate", "false", "true");
    only_with("gate_samples", c.gate_samples != usual.gate_samples, c.gate, "gate", "false", "true");
    if (c.gate && perturbation && c.perturbation == "adversarial" && c.steps == 0)
      fail_("calibration.gate",
            "the first calibration finds its trigger, calibration.steps is 0, allowed is 1 or more",
            {"calibration.steps"});
    if (c.sunset_jobs > 0 && c.window_steps == 0)
      fail_("calibration.sunset_jobs",
            "it counts the window's calibrations, calibration.window_steps is 0, allowed is 1 or more",
            {"calibration.window_steps"});
    only_with("guard_restore", c.guard_restore > 0, c.guard_rank > 0, "guard_rank", "0", "a value above 0");
    if (c.until_loss && c.steps == 0)
      fail_("calibration.until_loss", "it repeats calibration.steps, which is 0", {"calibration.steps"});
    if (perturbation && c.perturbation == "oracle" && s_.data.backdoor.trigger == Trigger::none)
      fail_("calibration.perturbation",
            "\"oracle\" applies the backdoor's own trigger, data.backdoor.trigger is \"none\"",
            {"data.backdoor.trigger", "calibration.invariance"});
    environments();
  }

 private:
  /// A penalty that compares environments needs two of them at least.
  void environments() const {
    const auto& c = s_.calibration;
    std::set<std::int64_t> asking;
    for (const auto& e : s_.erasures)
      if (e.client >= 0) asking.insert(e.client);
    const auto stay = s_.partition.clients - static_cast<std::int64_t>(asking.size());
    const auto count = c.environments == "interventional" ? 4 * stay : stay;
    if ((c.invariance == "irm" || c.invariance == "vrex") && count < 2)
      fail_("calibration.invariance",
            quoted(c.invariance) + " compares environments, there are " + std::to_string(count) +
                ", allowed is from 2 clients that ask for no erasure, or interventional environments",
            {"partition.clients", "erasure", "calibration.environments"});
    if (c.invariance == "irm" && c.irm_estimator == "halves" && c.samples_per_environment < 2)
      fail_("calibration.irm_estimator",
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
