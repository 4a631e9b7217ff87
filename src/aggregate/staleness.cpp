#include "aggregate/staleness.hpp"

#include <cmath>
#include <stdexcept>

namespace afu::aggregate {

Staleness Staleness::parse(const std::string& name, double a, double b) {
  if (name == "constant") return {Kind::constant, a, b};
  if (name == "polynomial") return {Kind::polynomial, a, b};
  if (name == "exponential") return {Kind::exponential, a, b};
  if (name == "hinge") return {Kind::hinge, a, b};
  throw std::invalid_argument("staleness '" + name + "' is none of constant, polynomial, exponential, hinge");
}

double Staleness::at(double t) const {
  switch (kind) {
    case Kind::constant:
      return 1.0;
    case Kind::polynomial:
      return std::pow(1.0 + t, -a);
    case Kind::exponential:
      return std::exp(-a * t);
    case Kind::hinge:
      return t <= b ? 1.0 : 1.0 / (a * (t - b) + 1.0);
  }
  return 1.0;
}

}  // namespace afu::aggregate
