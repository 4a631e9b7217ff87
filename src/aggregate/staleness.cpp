#include "aggregate/staleness.hpp"

#include "base/elementary.hpp"
#include "config/sections/training.hpp"

namespace afu::aggregate {

Staleness::Staleness(const config::TrainingSection& t)
    : form(t.staleness), a(t.staleness_a), b(t.staleness_b) {}

double Staleness::at(double t) const {
  using Form = config::StalenessForm;
  switch (form) {
    case Form::constant:
      return 1.0;
    case Form::polynomial:
      return base::pow(1.0 + t, -a);
    case Form::exponential:
      return base::exp(-a * t);
    case Form::hinge:
      return t <= b ? 1.0 : 1.0 / (a * (t - b) + 1.0);
  }
  return 1.0;
}

}  // namespace afu::aggregate
