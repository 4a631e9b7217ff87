#pragma once
/// What the calibrator minimises, as a scenario's [calibration] says it (src/calibrate/README.md, The
/// objective). No torch in this header.
#include <cstdint>

#include "config/choices.hpp"
#include "config/scenario_fwd.hpp"
#include "config/sections/backdoor.hpp"
#include "job/fields.hpp"

namespace afu::config {
AFU_FIELDS(Backdoor, trigger, client, fraction, mapping, label, size, opacity, warp_strength, warp_grid)
}

namespace afu::calibrate {

using config::Invariance;
enum class Family { blind, oracle, adversarial, minimax };
AFU_LAST(Family, minimax)

/// L = (risk * mean_e R_e + beta * KL(p_before || p) + kd * KL(p_erased || p) + lambda * penalty) / divisor.
struct Objective {
  double risk = 1, beta = 1, kd = 0, lambda = 0, divisor = 1;
  Invariance invariance = Invariance::none;
  Family family = Family::blind;   ///< of T, where the invariance is to perturbations
  bool halves = false;             ///< the IRM penalty's unbiased estimate
  bool interventional = false;     ///< environments are (client, intervention)
  std::int64_t batch = 0;          ///< clean samples of a step; 0: all
  config::Backdoor trigger;        ///< what Family::oracle applies; the rest of it is default
  std::int64_t ascent_steps = 10;  ///< of Family::minimax
  double ascent_radius = 5;        ///< of its ball
};
AFU_FIELDS(Objective, risk, beta, kd, lambda, divisor, invariance, family, halves, interventional, batch,
           trigger, ascent_steps, ascent_radius)

/// Of the scenario's calibration number `job`, from 0: annealing gives the first ones a smaller lambda, and a placebo has
/// the cross entropy alone.
Objective objective_of(const config::Scenario& scenario, std::uint64_t job);

/// How many samples a step takes, a sample of the set: more than 1 where T(x), features or interventions are computed
/// too, twice as many where it is sharpness-aware.
double passes_per_sample(const config::CalibrationSection& c);
/// How many forward passes the penalty takes, a sample of the set, and how many its reference takes
/// (calibrate/calibration_loss.hpp).
double penalty_passes(const config::CalibrationSection& c);
double reference_passes(const config::CalibrationSection& c);

/// What an environment gives to a batch at least: the halves' penalty takes two samples.
constexpr std::int64_t least_share(bool halves) { return halves ? 2 : 1; }

}  // namespace afu::calibrate
