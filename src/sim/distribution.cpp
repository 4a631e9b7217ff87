#include "sim/distribution.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "base/input_error.hpp"
#include "base/csv.hpp"

namespace afu::sim {

namespace {

/// Of any parameter but those with a bound of their own: a latency beyond the clock's horizon says nothing.
constexpr double most = 1e12;

config::Option number(std::string name, double fallback, double min, bool above, std::string help) {
  config::Option o;
  o.name = std::move(name);
  o.fallback = fallback;
  o.help = std::move(help);
  o.min = min;
  o.max = most;
  o.exclusive_min = above;
  return o;
}

config::Option positive(std::string name, double fallback, std::string help) {
  return number(std::move(name), fallback, 0, true, std::move(help));
}

config::Option not_negative(std::string name, double fallback, std::string help) {
  return number(std::move(name), fallback, 0, false, std::move(help));
}

constexpr double zipf_most = 1'000'000;  // rows of the table a sampler keeps

/// In the order of Sampler::Kind.
struct Declaration {
  std::string kind, help;
  std::vector<config::Option> parameters;
};

const std::vector<Declaration>& declarations() {
  static const std::vector<Declaration> all = [] {
    auto largest = number("max", 100, 1, false, "largest value, a whole number");
    largest.max = zipf_most;
    // Within these two bounds no draw overflows to infinity.
    auto sigma = not_negative("sigma", 0.5, "standard deviation of the logarithm");
    sigma.max = 10;
    auto shape = number("shape", 1.5, 0.1, false, "tail index; up to 1 the mean is infinite");
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

std::string range_error(const config::Option& o, double v) {
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

std::vector<config::Option> distribution_parameters(const std::string& kind) { return get(kind).parameters; }

std::string distribution_help(const std::string& kind) { return get(kind).help; }

std::string distribution_error(const config::Distribution& d) try {
  const auto& declared = get(d.kind);
  for (const auto& [name, value] : d.parameters) {
    auto same_name = [&name = name](const config::Option& o) { return o.name == name; };
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

Sampler::Sampler(const config::Distribution& d, const std::string& scenario_file, bool positive) {
  if (auto error = distribution_error(d); !error.empty()) throw std::invalid_argument(error);
  const auto& declared = get(d.kind);
  kind_ = static_cast<Kind>(&declared - declarations().data());
  double* slots[] = {&a_, &b_, &c_};
  for (std::size_t i = 0; i < declared.parameters.size(); ++i)
    *slots[i] = d.parameters.at(declared.parameters[i].name);

  if (kind_ == Kind::trace) {
    auto values = std::make_shared<std::vector<double>>();
    const auto file = resolve_path(d.path, scenario_file);
    for (const auto& row : read_csv(file, {"value"})) {
      if (positive && row.values[0] == 0)
        throw InputError(file + ":" + std::to_string(row.line) +
                         ": value is '0', allowed: a finite number > 0");
      values->push_back(row.values[0]);
    }
    table_ = values;
  } else if (kind_ == Kind::zipf) {
    auto cumulative = std::make_shared<std::vector<double>>(static_cast<std::size_t>(b_));
    double sum = 0;
    for (std::size_t k = 0; k < cumulative->size(); ++k)
      (*cumulative)[k] = sum += std::pow(static_cast<double>(k + 1), -a_);
    for (auto& c : *cumulative) c /= sum;
    table_ = cumulative;
  }
}

double Sampler::draw(Stream& s, std::uint64_t index) const {
  switch (kind_) {
    case Kind::constant:
      return a_;
    case Kind::uniform:
      return a_ + (b_ - a_) * s.uniform();
    case Kind::normal: {
      double x;
      do x = a_ + b_ * s.normal();
      while (x <= 0);
      return x;
    }
    case Kind::lognormal:
      return a_ * std::exp(b_ * s.normal());
    case Kind::exponential:
      return a_ * s.exponential();
    case Kind::pareto: {
      double x = a_ * std::pow(s.uniform_open(), -1 / b_);
      return c_ > 0 ? std::min(x, c_) : x;
    }
    case Kind::zipf: {
      // uniform() < 1, and the last entry is exactly 1: the search always ends within the table.
      auto k = std::upper_bound(table_->begin(), table_->end(), s.uniform()) - table_->begin();
      return static_cast<double>(k + 1);
    }
    case Kind::trace:
      return (*table_)[index % table_->size()];
  }
  return a_;
}

std::optional<double> Sampler::mean() const {
  switch (kind_) {
    case Kind::constant:
      return a_;
    case Kind::uniform:
      return (a_ + b_) / 2;
    case Kind::normal: {
      if (b_ == 0) return a_;
      double z = a_ / b_;  // the truncation keeps the part above -z of the standard normal
      double density = std::exp(-z * z / 2) / std::sqrt(2 * 3.14159265358979323846);
      return a_ + b_ * density / (0.5 * std::erfc(-z / std::sqrt(2.0)));
    }
    case Kind::lognormal:
      return a_ * std::exp(b_ * b_ / 2);
    case Kind::exponential:
      return a_;
    case Kind::pareto:
      if (c_ > 0 && b_ == 1) return a_ + a_ * std::log(c_ / a_);
      if (c_ > 0) return a_ + std::pow(a_, b_) * (std::pow(c_, 1 - b_) - std::pow(a_, 1 - b_)) / (1 - b_);
      if (b_ <= 1) return std::nullopt;
      return a_ * b_ / (b_ - 1);
    case Kind::zipf: {
      // E[X] = sum over k >= 0 of P(X > k)
      double sum = 1;
      for (double c : *table_) sum += 1 - c;
      return sum;
    }
    case Kind::trace: {
      double sum = 0;
      for (double v : *table_) sum += v;
      return sum / static_cast<double>(table_->size());
    }
  }
  return std::nullopt;
}

std::optional<double> Sampler::constant() const {
  bool single = kind_ == Kind::constant || (kind_ == Kind::uniform && a_ == b_) ||
                ((kind_ == Kind::normal || kind_ == Kind::lognormal) && b_ == 0) ||
                (kind_ == Kind::pareto && c_ == a_) || (kind_ == Kind::zipf && b_ == 1);
  if (single) return kind_ == Kind::zipf ? 1 : a_;
  if (kind_ == Kind::trace && table_->size() == 1) return table_->front();
  return std::nullopt;
}

}  // namespace afu::sim
