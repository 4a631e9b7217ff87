#pragma once
/// Staleness functions s(tau) (src/aggregate/README.md, Staleness): how much of an update is kept that began
/// tau versions ago.
#include <cstdint>

#include "config/choices.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::aggregate {

/// constant 1; polynomial (1+tau)^-a; exponential exp(-a tau); hinge 1 if tau <= b, else 1/(a(tau-b)+1).
struct Staleness {
  config::StalenessForm form = config::StalenessForm::polynomial;
  double a = 0.5, b = 4.0;

  Staleness() = default;
  explicit Staleness(const config::TrainingSection& t);
  double operator()(std::uint64_t tau) const { return at(static_cast<double>(tau)); }
  double at(double tau) const;
};

}  // namespace afu::aggregate
