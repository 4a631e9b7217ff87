#pragma once
/// The kinds of distributions that a scenario may name, and their parameters. sim/distribution.hpp draws from them.
#include <string>
#include <vector>

#include "config/option.hpp"
#include "config/sections/distribution.hpp"

namespace afu::config {

/// constant uniform normal lognormal exponential pareto zipf trace
std::vector<std::string> distribution_kinds();

/// The parameters of a kind, in the order of their documentation, all of them real numbers. `trace` has none:
/// its file is Distribution::path. Throws std::invalid_argument for a kind that is not known.
std::vector<Option> distribution_parameters(const std::string& kind);

/// One line a kind, for the reference file.
std::string distribution_help(const std::string& kind);

/// What is wrong with `d`, or empty: unknown kind, unknown or missing parameters, values out of their range
/// or that contradict each other, a trace without a path. Does not open files.
std::string distribution_error(const Distribution& d);

}  // namespace afu::config
