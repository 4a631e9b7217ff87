#include "attack/membership.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "attack/logistic.hpp"

namespace afu::attack {
namespace {

constexpr int splits = 5;

bool both(const Answers& a, const Answers& b) { return a.size() > 0 && b.size() > 0; }

Scores taken(const Scores& scores, const std::vector<std::size_t>& rows) {
  Scores out;
  for (auto r : rows) out.push_back(scores[r]);
  return out;
}

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool any_nan(const Scores& scores) {
  return std::any_of(scores.begin(), scores.end(), [](double s) { return std::isnan(s); });
}

/// The rows of each class.
std::map<std::int64_t, std::vector<std::size_t>> by_class(const Answers& a) {
  std::map<std::int64_t, std::vector<std::size_t>> rows;
  for (std::size_t i = 0; i < a.size(); ++i) rows[a.labels[i]].push_back(i);
  return rows;
}

/// Accuracy on the last fifth, learnt on the rest.
double accuracy_of_split(const Scores& members, const Scores& non_members) {
  const auto held = members.size() / splits;
  const auto learn = [&](const Scores& s) {
    return Scores(s.begin(), s.end() - static_cast<std::ptrdiff_t>(held));
  };
  const auto model = fit_logistic(learn(members), learn(non_members));
  if (any_nan(members) || any_nan(non_members)) return nan;
  double right = 0;
  for (std::size_t i = members.size() - held; i < members.size(); ++i)
    right += (model(members[i]) > 0.5) + (model(non_members[i]) <= 0.5);
  return right / static_cast<double>(2 * held);
}

double share_of_non_members(const Logistic& model, const Scores& scores) {
  if (std::isnan(model.slope) || any_nan(scores)) return nan;
  const auto n = std::count_if(scores.begin(), scores.end(), [&](double s) { return model(s) < 0.5; });
  return static_cast<double>(n) / static_cast<double>(scores.size());
}

/// Scores relative to the threshold of their class.
Scores above_threshold(const Answers& a, Scores scores, const std::map<std::int64_t, double>& thresholds,
                       double fallback) {
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto t = thresholds.find(a.labels[i]);
    scores[i] -= t == thresholds.end() ? fallback : t->second;
  }
  return scores;
}

}  // namespace

void loss_attack(const Suspects& s, const base::StreamKey& key, Figures& figures) {
  if (!both(s.forget, s.holdout)) return;
  const auto in = negative_loss(s.forget), out = negative_loss(s.holdout);
  report(figures, "loss", separate(in, out));
  if (in.size() > 1 && out.size() > 1) figures["loss.accuracy"] = accuracy_by_halves(in, out, key);
}

std::pair<std::vector<std::size_t>, std::vector<std::size_t>> matched_rows(const Answers& a, const Answers& b,
                                                                           const base::StreamKey& key) {
  base::Stream stream(key);
  std::pair<std::vector<std::size_t>, std::vector<std::size_t>> matched;
  auto others = by_class(b);
  for (auto& [label, rows] : by_class(a)) {
    auto of_a = rows, of_b = others[label];
    base::shuffle(of_a, stream);
    base::shuffle(of_b, stream);
    const auto n = static_cast<std::ptrdiff_t>(std::min(of_a.size(), of_b.size()));
    matched.first.insert(matched.first.end(), of_a.begin(), of_a.begin() + n);
    matched.second.insert(matched.second.end(), of_b.begin(), of_b.begin() + n);
  }
  return matched;
}

void scrub_attack(const Suspects& s, const base::StreamKey& key, Figures& figures) {
  const auto [in_rows, out_rows] = matched_rows(s.forget, s.holdout, key);
  if (in_rows.size() < least_for_splits) return;
  const auto losses = [](const Answers& a) {
    auto scores = negative_loss(a);
    for (auto& v : scores) v = std::clamp(-v, -100.0, 100.0);
    return scores;
  };
  auto in = taken(losses(s.forget), in_rows), out = taken(losses(s.holdout), out_rows);
  auto split_key = key;
  split_key.purpose ^= base::purpose("splits");
  base::Stream stream(split_key);
  double sum = 0, squares = 0;
  for (int i = 0; i < splits; ++i) {
    base::shuffle(in, stream);
    base::shuffle(out, stream);
    const double accuracy = accuracy_of_split(in, out);
    sum += accuracy, squares += accuracy * accuracy;
  }
  const double mean = sum / splits;
  figures["scrub.accuracy"] = mean;
  figures["scrub.accuracy_deviation"] =
      std::isnan(mean) ? nan : std::sqrt(std::max(0.0, (squares - splits * mean * mean) / (splits - 1)));
  figures["scrub.samples"] = static_cast<double>(2 * in.size());
}

void classifier_attack(const std::string& name, Score score, const Suspects& s, Figures& figures) {
  if (!both(s.forget, s.holdout)) return;
  const auto in = score(s.forget), out = score(s.holdout);
  report(figures, name, separate(in, out));
  if (!both(s.known_in, s.known_out)) return;
  const auto model = fit_logistic(score(s.known_in), score(s.known_out));
  figures[name + ".efficacy"] = share_of_non_members(model, in);
  figures[name + ".efficacy_holdout"] = share_of_non_members(model, out);
}

void class_threshold_attack(const Suspects& s, Figures& figures) {
  if (!both(s.forget, s.holdout) || !both(s.known_in, s.known_out)) return;
  const std::pair<const char*, Score> scores[] = {{"class_confidence", &confidence},
                                                  {"class_entropy", &negative_entropy},
                                                  {"class_modified_entropy", &negative_modified_entropy}};
  const auto in_classes = by_class(s.known_in);
  auto out_classes = by_class(s.known_out);
  for (const auto& [name, score] : scores) {
    const auto in = score(s.known_in), out = score(s.known_out);
    std::map<std::int64_t, double> thresholds;
    for (const auto& [label, rows] : in_classes)
      if (!out_classes[label].empty())
        thresholds[label] = best_threshold(taken(in, rows), taken(out, out_classes[label]));
    const double overall = best_threshold(in, out);
    const auto suspects = above_threshold(s.forget, score(s.forget), thresholds, overall);
    const auto others = above_threshold(s.holdout, score(s.holdout), thresholds, overall);
    report(figures, name, separate(suspects, others));
    figures[std::string(name) + ".accuracy"] = balanced_accuracy_at(suspects, others, 0);
  }
}

}  // namespace afu::attack
