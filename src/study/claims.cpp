#include "study/claims.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/scenario.hpp"
#include "config/text.hpp"

namespace afu::study {

namespace {

/// What the scenarios of the cells tell.
class Facts {
 public:
  explicit Facts(const Plan& plan) : study_(plan.study) {
    for (const auto& c : plan.cells) {
      trained_ = trained_ || c.scenario.scenario.execute == config::Execute::train;
      erases_ = erases_ || !c.scenario.erasures.empty();
      if (c.scenario.unlearning.method == "retrain") retrains_.insert(study_.arms[c.arm].name);
    }
  }

  /// Why `claim` cannot be judged; empty: it can.
  std::string obstacle(const std::string& claim) const {
    if (!erases_) return "the scenario asks for no erasure";
    if (claim == "no_downtime") return {};
    if (claim == "latency") return latency();
    if (auto why = comparison(); !why.empty()) return why;
    if (claim == "keeps_away" && study_.controls.empty())
      return "study.controls names no arm to hold the subject against";
    if ((claim == "no_rebound" || claim == "keeps_away") && !study_.rebound.enabled)
      return "the study does not follow the rebound protocol (rebound.enabled)";
    return {};
  }
  /// `claim` has an obstacle, but an answer too: there is nobody to be faster than.
  bool is_moot(const std::string& claim) const {
    return claim == "latency" && erases_ && !has_rival() && (!trained_ || comparison().empty());
  }

 private:
  std::string comparison() const {
    if (!trained_) return "nothing is trained (scenario.execute = \"timing\")";
    if (!study_.reference_given && !retrains_.count(study_.reference))
      return "no arm retrains, and study.reference names no other to compare with";
    if (study_.subject == study_.reference)
      return fmt::format("the subject, {}, is the reference itself", config::quoted(study_.subject));
    if (study_.statistics.family.empty()) return "statistics.family names no metric";
    return {};
  }
  std::string latency() const {
    if (auto why = trained_ ? comparison() : std::string(); !why.empty()) return why;
    return has_rival() ? std::string() : "no other arm halts the federation or holds barriers";
  }
  bool has_rival() const {
    return std::any_of(study_.arms.begin(), study_.arms.end(), [&](const Arm& a) {
      return a.synchronous && a.role != "control" && a.name != study_.subject;
    });
  }

  const Study& study_;
  bool trained_ = false, erases_ = false;
  std::set<std::string> retrains_;
};

}  // namespace

void choose_arms(Plan& plan) {
  auto& s = plan.study;
  const auto method_of = [&](const Arm& arm) {
    for (const auto& c : plan.cells)
      if (s.arms[c.arm].name == arm.name) return c.scenario.unlearning.method;
    return std::string();
  };
  const auto first = [&](const auto& fits) {
    const auto found = std::find_if(s.arms.begin(), s.arms.end(), fits);
    return found == s.arms.end() ? std::string() : found->name;
  };
  const auto named = [&](const char* name) { return first([&](const Arm& a) { return a.name == name; }); };
  const auto with_method = [&](const char* method) {
    return first([&](const Arm& a) { return a.name != s.subject && method_of(a) == method; });
  };
  if (s.reference.empty() && s.subject != "retrain") s.reference = named("retrain");
  if (s.reference.empty()) s.reference = with_method("retrain");
  if (s.subject.empty() && s.reference != "afu_ic") s.subject = named("afu_ic");
  if (s.reference.empty()) s.reference = with_method("none");
  const auto is_control = [&](const Arm& a) {
    return a.role == "control" || (a.role.empty() && a.name == "none");
  };
  if (s.subject.empty())
    s.subject = first([&](const Arm& a) { return a.name != s.reference && !is_control(a); });
  if (s.subject.empty()) s.subject = first([&](const Arm& a) { return a.name != s.reference; });
  if (s.reference.empty()) s.reference = first([&](const Arm& a) { return a.name != s.subject; });
  if (s.subject.empty()) s.subject = s.arms.front().name;  // there is one arm alone
  if (s.reference.empty()) s.reference = s.arms.front().name;
  for (auto& a : s.arms) a.role = a.name == s.reference ? "reference" : is_control(a) ? "control" : "method";
}

std::vector<std::string> choose_claims(Plan& plan) {
  auto& s = plan.study;
  const Facts facts(plan);
  std::vector<std::string> kept, errors;
  for (std::size_t i = 0; i < s.claims.size(); ++i) {
    const auto& claim = s.claims[i];
    const auto why = facts.obstacle(claim);
    const bool asked = i < s.claim_places.size();
    if (why.empty()) {
      kept.push_back(claim);
    } else if (asked && facts.is_moot(claim)) {
      kept.push_back(claim);
      plan.notes.push_back("the claim " + claim + " will stay open: " + why);
    } else if (asked) {
      const auto& at = s.claim_places[i];
      errors.push_back(fmt::format("{}:{}:{}: study.claims: {} cannot be judged: {}", s.file, at.line,
                                   at.column, config::quoted(claim), why));
    } else {
      s.claims_left_out.emplace_back(claim, why);
    }
  }
  s.claims = std::move(kept);
  return errors;
}

}  // namespace afu::study
