#include "aggregate/staleness.hpp"

#include <cmath>

namespace afu::aggregate {

double Staleness::at(double t) const {
  using Form = config::StalenessForm;
  switch (form) {
    case Form::constant:
      return 1.0;
    case Form::polynomial:
      return std::pow(1.0 + t, -a);
    case Form::exponential:
      return std::exp(-a * t);
    case Form::hinge:
      return t <= b ? 1.0 : 1.0 / (a * (t - b) + 1.0);
  }
  return 1.0;
}

}  // namespace afu::aggregate
