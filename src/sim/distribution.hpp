#pragma once
/// Distributions of positive quantities: slowdowns, delays, rates.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "config/sections/distribution.hpp"

namespace afu::sim {

/// Draws from a distribution. Immutable and cheap to copy.
class Sampler {
 public:
  /// Reads the file of a trace; its path is relative to the folder of `scenario_file`. `positive`: 0 is no
  /// value either. Throws std::invalid_argument with distribution_error's text, InputError with file:line for
  /// a trace that cannot be used.
  explicit Sampler(const config::Distribution& d, const std::string& scenario_file = "",
                   bool positive = false);

  /// One value. `index` selects the row of a trace, modulo its rows; the other kinds draw from `s`. A
  /// constant and a trace leave `s` alone.
  double draw(base::Stream& s, std::uint64_t index) const;

  /// The mean of the values drawn; nothing where it is infinite.
  std::optional<double> mean() const;

  /// The only value this draws, where there is just one.
  std::optional<double> constant() const;

 private:
  /// In the order of config::distribution_kinds.
  enum class Kind { constant, uniform, normal, lognormal, exponential, pareto, zipf, trace };
  Kind kind_ = Kind::constant;
  double a_ = 1, b_ = 0, c_ = 0;  ///< the parameters in the order of config::distribution_parameters
  std::shared_ptr<const std::vector<double>> table_;  ///< trace: the rows; zipf: P(X <= k) of k = 1, 2, ...
};

}  // namespace afu::sim
