#pragma once
/// Membership attacks that need the model's answers alone (src/attack/README.md, loss to class_thresholds).
/// Non-members come from the same distribution as the members they are held against: the owners' held-out
/// samples, never the test set.
#include <cstdint>
#include <string>
#include <utility>

#include "attack/answers.hpp"

namespace afu::attack {

/// Of each kind, for classifiers that are tried on a fifth: one is held out then.
inline constexpr std::size_t least_for_splits = 5;

/// Who is asked. `known` are samples whose membership the attacker knows and learns from: the retained
/// clients' training and held-out samples. An attack that lacks a set of its own reports nothing.
struct Suspects {
  Answers forget;     ///< were members before the erasure
  Answers holdout;    ///< of the same owners, never trained on
  Answers known_in;   ///< members still
  Answers known_out;  ///< never were
};

/// Score = -loss; accuracy of the threshold by halves (Yeom et al. 2018).
void loss_attack(const Suspects& s, const base::StreamKey& key, Figures& figures);

/// Mean accuracy over five stratified random splits, a fifth held out, of a logistic regression on losses
/// clipped to [-100, 100], forget set against as many non-members, class by class as far as the sets allow
/// (SCRUB, Kurmanji et al. 2023). Ideal 0.5. `accuracy_deviation` is that over the splits.
void scrub_attack(const Suspects& s, const base::StreamKey& key, Figures& figures);

/// MIA efficacy: a logistic regression on `score`, learnt on the known samples, tells the share of the forget
/// set that it takes for non-members (`efficacy`: high where it was forgotten) and of the held-out samples
/// (`efficacy_holdout`: what a perfectly forgotten set would give).
using Score = Scores (*)(const Answers&);
void classifier_attack(const std::string& name, Score score, const Suspects& s, Figures& figures);

/// Per-class thresholds (Song and Mittal 2021), the best on the known samples of the class, for confidence,
/// entropy and modified entropy: balanced accuracy on forget set and held-out samples. A class of which no
/// known member or non-member is there takes the threshold over all classes.
void class_threshold_attack(const Suspects& s, Figures& figures);

/// As many rows of `a` as of `b`, and of every class the same number: the smaller count of the two sets,
/// drawn at random.
std::pair<std::vector<std::size_t>, std::vector<std::size_t>> matched_rows(const Answers& a, const Answers& b,
                                                                           const base::StreamKey& key);

}  // namespace afu::attack
