#include "federate/shortfalls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "attack/membership.hpp"
#include "config/attack_names.hpp"
#include "config/scenario.hpp"
#include "data/non_members.hpp"
#include "federate/multi_label.hpp"
#include "metrics/classification.hpp"
#include "metrics/evaluate_job.hpp"

namespace afu::federate {

namespace {

bool is_empty(const data::IndicesPtr& rows) { return !rows || rows->empty(); }

class Shortfalls {
 public:
  Shortfalls(const data::FederatedData& data, const config::Scenario& s, const metrics::EvaluationSets& sets,
             const attack::PlanPtr& attacks)
      : data_(data), s_(s), sets_(sets), attacks_(attacks) {}

  std::vector<std::string> all() {
    classes();
    subjects();
    backdoor();
    holdouts();
    retained();
    groups();
    calibration();
    attacks();
    return std::move(notes_);
  }

 private:
  template <class... Args>
  void tell(fmt::format_string<Args...> text, Args&&... args) {
    notes_.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
  std::int64_t label(std::int64_t row) const { return data_.pool->labels[static_cast<std::size_t>(row)]; }
  std::int64_t subject(std::int64_t row) const { return data_.pool->subjects[static_cast<std::size_t>(row)]; }

  /// "1, 4" of the classes that none of `rows` has; a class that is to be forgotten is not missed.
  std::string missing(const data::Indices& rows, bool but_forgotten) const {
    std::vector<bool> there(static_cast<std::size_t>(data_.classes()), false);
    for (auto r : rows) {
      if (!data_.multi_label()) there[static_cast<std::size_t>(label(r))] = true;
      for (std::size_t l = 0; data_.multi_label() && l < there.size(); ++l)
        there[l] = there[l] || data::has_label(label(r), static_cast<std::int64_t>(l));
    }
    if (but_forgotten)
      for (const auto& e : s_.erasures)
        if (e.label >= 0) there[static_cast<std::size_t>(e.label)] = true;
    std::string out;
    for (std::size_t c = 0; c < there.size(); ++c)
      if (!there[c]) out += fmt::format("{}{}", out.empty() ? "" : ", ", c);
    return out;
  }

  void classes() {
    data::Indices trained;
    for (const auto& c : data_.clients) trained.insert(trained.end(), c.train->begin(), c.train->end());
    if (const auto none = missing(trained, false); !none.empty())
      tell("data: no client trains on an image {} {}", of_class(), none);
    if (sets_.test->empty())
      tell("data: the test split has no image that counts: there is no test accuracy");
    else if (const auto none = missing(*sets_.test, true); !none.empty())
      tell("data: the test split has no image {} {}: test accuracy says nothing of it", of_class(), none);
    label_of_one_value();
  }

  /// What evaluation.by_client has nothing to tell of.
  void groups() {
    if (!s_.evaluation.by_client) return;
    std::set<std::int64_t> with;
    for (const auto& g : sets_.groups)
      if (g.set == "holdout") with.insert(g.client);
    if (const auto without = data_.clients.size() - with.size(); without > 0)
      tell(
          "evaluation.by_client: {} of {} clients hold out no samples that count (partition.holdout_fraction): there are no "
          "figures of theirs",
          without, data_.clients.size());
    const auto is_site = [](const metrics::EvaluationGroup& g) { return g.set == "test"; };
    if (std::none_of(sets_.groups.begin(), sets_.groups.end(), is_site))
      tell(
          "evaluation.by_client: it is not known which site a test image comes from (a manifest with sites, or "
          "partition.shift.test = \"sites\", would tell): there are figures of held-out samples alone");
  }

  const char* of_class() const { return data_.multi_label() ? "with label" : "of class"; }

  /// Labels that no AUC can be of.
  void label_of_one_value() {
    if (!data_.multi_label() || sets_.test->empty()) return;
    std::vector<std::int64_t> tested;
    for (auto r : *sets_.test) tested.push_back(label(r));
    const auto none = metrics::labels_of_one_value(tested, data_.classes());
    if (!none.empty())
      tell("data: all test images have label {}, or none has: of {} labels {} are left out of the test AUC",
           fmt::join(none, ", "), data_.classes(), none.size());
  }

  /// A patient on both sides of a split makes what is measured there look better than it is.
  void subjects() {
    if (data_.pool->subjects.empty()) return;
    std::set<std::int64_t> trained, tested;
    std::int64_t kept = 0;
    for (const auto& c : data_.clients) {
      std::set<std::int64_t> own, out;
      for (auto r : *c.train) own.insert(subject(r));
      for (auto r : *c.holdout) out.insert(subject(r));
      trained.insert(own.begin(), own.end());
      for (auto p : out) kept += static_cast<std::int64_t>(own.count(p));
    }
    if (kept > 0)
      tell(
          "partition.scheme \"{}\" deals out single images although subjects are known: {} times a subject "
          "stands among a client's training and its held-out samples",
          config::name_of(s_.partition.scheme), kept);
    for (auto r : *data_.test)
      if (trained.count(subject(r))) tested.insert(subject(r));
    if (!tested.empty())
      tell("data: {} subjects stand in the training and in the test split: test figures are optimistic",
           tested.size());
  }

  void backdoor() {
    if (!data_.backdoor_target.any()) return;
    if (data_.poisoned == 0) tell("data.backdoor.fraction is 0: no sample carries the trigger");
    if (is_empty(data_.triggered_test))
      tell("data.backdoor: the test split has no image {} {}: there is no attack success rate",
           data_.multi_label() ? "without label" : "outside class", data_.backdoor_target.label);
  }

  void holdouts() {
    std::set<std::int64_t> told;
    for (std::size_t i = 0; i < sets_.requests.size(); ++i) {
      const auto& e = s_.erasures[i];
      const bool none = is_empty(sets_.requests[i].holdout);
      if (none) no_non_members(i, e);
      if (none || e.client < 0 || !told.insert(e.client).second) continue;
      const auto& share = data_.clients[static_cast<std::size_t>(e.client)];
      const auto n = share.train->size() + share.holdout->size();
      if (std::llround(s_.partition.holdout_fraction * static_cast<double>(n)) == 0)
        tell(
            "client {} holds {} of {} samples out, though partition.holdout_fraction {} of them rounds to "
            "none",
            e.client, share.holdout->size(), n, s_.partition.holdout_fraction);
    }
  }

  /// Nothing is held out, or nothing of a kind that the request's samples are of.
  void no_non_members(std::size_t request, const config::Erasure& e) {
    data::Indices held_out;
    for (std::size_t c = 0; c < data_.clients.size(); ++c)
      for (auto r : *data_.clients[c].holdout)
        if ((e.client < 0 || e.client == static_cast<std::int64_t>(c)) &&
            (e.label < 0 || label(r) == e.label))
          held_out.push_back(r);
    std::sort(held_out.begin(), held_out.end());
    const auto owner = e.client < 0 ? std::string("the clients") : fmt::format("client {}", e.client);
    if (held_out.empty()) {
      tell(
          "erasure[{}]: {} held-out sample to compare its samples with (partition.holdout_fraction {}): "
          "it has no membership figures",
          request,
          e.client < 0 ? fmt::format("no client has a class {}", e.label)
                       : fmt::format("client {} has no", e.client),
          s_.partition.holdout_fraction);
      return;
    }
    const auto& forget = *sets_.requests[request].forget;
    const auto poisoned = data::count_poisoned(data_, forget);
    const bool none_poisoned = data::held_out_kinds(data_, held_out).poisoned.empty();
    tell(
        "erasure[{}]: {} of its {} samples carry the backdoor's trigger, and of the {} that {} hold{} out {}: with none "
        "of the same kind to compare with it has no membership figures. Another {}partition.scheme, or a larger "
        "partition.holdout_fraction (it is {}), helps",
        request, poisoned, forget.size(), held_out.size(), owner, e.client < 0 ? "" : "s",
        none_poisoned
            ? fmt::format("none can, since all {} {}, data.backdoor.label itself",
                          data_.multi_label() ? "have label" : "are of class", data_.backdoor_target.label)
            : std::string("all would"),
        none_poisoned ? "data.backdoor.label or " : "", s_.partition.holdout_fraction);
  }

  void retained() {
    if (s_.erasures.empty() || !is_empty(sets_.retain)) return;
    tell("every client asks for an erasure: there is no retain accuracy");
  }

  void calibration() {
    if (s_.unlearning.method != "afu_ic" || s_.calibration.steps == 0 || s_.erasures.empty()) return;
    std::set<std::int64_t> forgotten;
    for (const auto& e : s_.erasures)
      if (e.label >= 0) forgotten.insert(e.label);
    std::size_t places = 0, left_out = 0;
    for (const auto& e : data_.calibration) {
      places += e->size();
      for (auto r : *e) left_out += forgotten.count(label(r));
    }
    if (left_out > 0)
      tell(
          "calibration: {} of the environments' {} images are of a class that is to be forgotten, and are left out{}",
          left_out, places, left_out == places ? ": none is left to calibrate on" : "");
    if (data_.calibration_repeats > 0)
      tell(
          "calibration: {} of the environments' {} places are taken by images that stand in another one too: "
          "the validation split is too small for images of their own",
          data_.calibration_repeats, places);
  }

  void attacks() {
    if (!attacks_ || attacks_->names.empty()) return;
    if (data_.multi_label())
      if (auto text = attacks_left_out(s_); !text.empty()) notes_.push_back(std::move(text));
    const auto& asked = s_.evaluation.attacks;
    if (std::count(asked.begin(), asked.end(), "all") > 0 && !attacks_->asks("probe"))
      tell("the attack probe is left out: the layers of a torchscript model are not known");
    const auto members = attacks_->sets[attack::forget], others = attacks_->sets[attack::holdout];
    if (is_empty(others))
      tell(
          "attacks: there is no held-out sample of the same kind to tell {} forgotten ones from{}: those of "
          "membership are left out",
          members->size(), is_empty(sets_.holdout) ? "" : " (none that could be poisoned to the same share)");
    else if (attacks_->asks("scrub") && others->size() < attack::least_for_splits)
      tell("attacks: {} held-out samples of the same kind are too few for \"scrub\", which needs {}",
           others->size(), attack::least_for_splits);
    if (is_empty(attacks_->sets[attack::known_in]) || is_empty(attacks_->sets[attack::known_out]))
      tell(
          "attacks: there are no {} samples of clients that ask for nothing: what learns from these is left "
          "out",
          is_empty(attacks_->sets[attack::known_in]) ? "training" : "held-out");
    for (const auto& k : attack::known)
      if (k.relearns > 0 && attacks_->asks(k.name) && static_cast<std::int64_t>(members->size()) < k.relearns)
        tell("attacks: \"{}\" relearns from all {} samples that are to be forgotten: there are no more",
             k.name, members->size());
  }

  const data::FederatedData& data_;
  const config::Scenario& s_;
  const metrics::EvaluationSets& sets_;
  const attack::PlanPtr& attacks_;
  std::vector<std::string> notes_;
};

}  // namespace

std::vector<std::string> shortfalls(const data::FederatedData& data, const config::Scenario& scenario,
                                    const metrics::EvaluationSets& evaluation,
                                    const attack::PlanPtr& attacks) {
  return Shortfalls(data, scenario, evaluation, attacks).all();
}

}  // namespace afu::federate
