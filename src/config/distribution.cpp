#include "config/distribution.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "config/declare.hpp"

namespace afu::config {

namespace {

/// Of any parameter but those with a bound of their own: a latency beyond the clock's horizon says nothing.
constexpr double most = 1e12;

Option positive(std::string name, double fallback, std::string help) {
  return number(std::move(name), fallback, above(0, most), std::move(help));
}

Option not_negative(std::string name, double fallback, std::string help) {
  return number(std::move(name), fallback, from(0, most), std::move(help));
}

constexpr double zipf_most = 1'000'000;  // rows of the table a sampler keeps

/// In the order of distribution_kinds.
struct Declaration {
  std::string kind, help;
  std::vector<Option> parameters;
};

const std::vector<Declaration>& declarations() {
  static const std::vector<Declaration> all = [] {
    const auto largest = number("max", 100.0, from(1, zipf_most), "largest value, a whole number");
    // Within these two bounds no draw overflows to infinity.
    const auto sigma = number("sigma", 0.5, from(0, 10), "standard deviation of the logarithm");
    const auto shape = number("shape", 1.5, from(0.1, most), "tail index; up to 1 the mean is infinite");
    return std::vector<Declaration>{
        {"constant", "always the same value", {not_negative("value", 1, "the value")}},
        {"uniform",
         "all values of a range are as likely",
         {not_negative("min", 0.5, "least value"), not_negative("max", 1.5, "largest value")}},
        {"normal",
         "normal, drawn again until it is positive (mean = 0: half-normal)",
         {not_negative("mean", 1, "mean before the truncation"),
          not_negative("sd", 0.2, "standard deviation before the truncation")}},
        {"lognormal", "exp(normal): median x exp(sigma x z)", {positive("median", 1, "median"), sigma}},
        {"exponential", "exponential", {positive("mean", 1, "mean")}},
        {"pareto",
         "heavy tail: P(X > x) = (scale / x)^shape",
         {positive("scale", 1, "least value"), shape,
          not_negative("cap", 0, "larger values become this one; 0: none")}},
        {"zipf",
         "whole numbers k = 1 ... max with P(k) proportional to k^-exponent",
         {not_negative("exponent", 1.5, "0: all as likely"), largest}},
        {"trace", "values of a CSV file with one column `value`; entry i takes row i modulo the rows", {}},
    };
  }();
  return all;
}

const Declaration* find(const std::string& kind) {
  for (const auto& d : declarations())
    if (d.kind == kind) return &d;
  return nullptr;
}

const Declaration& get(const std::string& kind) {
  if (auto* d = find(kind)) return *d;
  std::string known;
  for (const auto& d : declarations()) known += (known.empty() ? "" : ", ") + d.kind;
  throw std::invalid_argument("distribution is '" + kind + "', allowed: " + known);
}

std::string text(double v) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr};
}

std::string range_error(const Option& o, double v) {
  bool low_ok = o.exclusive_min ? v > o.min : v >= o.min;
  if (std::isfinite(v) && low_ok && v <= o.max) return {};
  std::string allowed = (o.exclusive_min ? "> " : ">= ") + text(o.min);
  if (std::isfinite(o.max)) allowed += " and <= " + text(o.max);
  return o.name + " is " + text(v) + ", allowed: a finite number " + allowed;
}

}  // namespace

std::vector<std::string> distribution_kinds() {
  std::vector<std::string> out;
  for (const auto& d : declarations()) out.push_back(d.kind);
  return out;
}

std::vector<Option> distribution_parameters(const std::string& kind) { return get(kind).parameters; }

std::string distribution_help(const std::string& kind) { return get(kind).help; }

std::string distribution_error(const Distribution& d) try {
  const auto& declared = get(d.kind);
  for (const auto& [name, value] : d.parameters) {
    auto same_name = [&name = name](const Option& o) { return o.name == name; };
    if (std::none_of(declared.parameters.begin(), declared.parameters.end(), same_name))
      return "'" + name + "' is no parameter of the distribution " + d.kind;
  }
  for (const auto& o : declared.parameters) {
    auto given = d.parameters.find(o.name);
    if (given == d.parameters.end())
      return "the distribution " + d.kind + " lacks its parameter '" + o.name + "'";
    if (auto error = range_error(o, given->second); !error.empty()) return error;
  }
  if (d.kind != "trace" && !d.path.empty()) return "the distribution " + d.kind + " takes no path";
  auto p = [&](const char* name) { return d.parameters.at(name); };
  if (d.kind == "uniform" && p("max") < p("min"))
    return "max is " + text(p("max")) + ", allowed: at least min, which is " + text(p("min"));
  if (d.kind == "normal" && p("mean") == 0 && p("sd") == 0)
    return "mean and sd are 0, allowed: one of them positive";
  if (d.kind == "pareto" && p("cap") != 0 && p("cap") < p("scale"))
    return "cap is " + text(p("cap")) + ", allowed: 0, or at least scale, which is " + text(p("scale"));
  if (d.kind == "zipf" && p("max") != std::floor(p("max")))
    return "max is " + text(p("max")) + ", allowed: a whole number";
  if (d.kind == "trace" && d.path.empty()) return "the distribution trace lacks its path";
  return {};
} catch (const std::invalid_argument& unknown_kind) {
  return unknown_kind.what();
}

}  // namespace afu::config
