#pragma once
/// A distribution in a scenario.
#include <map>
#include <string>

namespace afu::config {

/// A distribution of a positive quantity, as an inline table: `{ distribution = "lognormal", median = 1,
/// sigma = 0.5 }`. Which of the parameters are allowed follows from `kind`; see config/distribution.hpp for
/// their meaning.
struct Distribution {
  std::string kind = "constant";  ///< constant uniform normal lognormal exponential pareto zipf trace
  std::map<std::string, double> parameters{{"value", 1.0}};
  std::string path;  ///< CSV file, for `trace`
};

}  // namespace afu::config
