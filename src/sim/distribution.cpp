#include "sim/distribution.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/csv.hpp"
#include "base/elementary.hpp"
#include "base/input_error.hpp"
#include "config/distribution.hpp"
#include "config/loader.hpp"

namespace afu::sim {

Sampler::Sampler(const config::Distribution& d, const std::string& scenario_file, bool positive) {
  if (auto error = config::distribution_error(d); !error.empty()) throw std::invalid_argument(error);
  const auto kinds = config::distribution_kinds();
  kind_ = static_cast<Kind>(std::find(kinds.begin(), kinds.end(), d.kind) - kinds.begin());
  const auto declared = config::distribution_parameters(d.kind);
  double* slots[] = {&a_, &b_, &c_};
  for (std::size_t i = 0; i < declared.size(); ++i) *slots[i] = d.parameters.at(declared[i].name);

  if (kind_ == Kind::trace) {
    auto values = std::make_shared<std::vector<double>>();
    const auto file = config::resolve_data_path(d.path, scenario_file);
    for (const auto& row : base::read_csv(file, {"value"})) {
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
      (*cumulative)[k] = sum += base::pow(static_cast<double>(k + 1), -a_);
    for (auto& c : *cumulative) c /= sum;
    table_ = cumulative;
  }
}

double Sampler::draw(base::Stream& s, std::uint64_t index) const {
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
      return a_ * base::exp(b_ * s.normal());
    case Kind::exponential:
      return a_ * s.exponential();
    case Kind::pareto: {
      double x = a_ * base::pow(s.uniform_open(), -1 / b_);
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
      double density = base::exp(-z * z / 2) / std::sqrt(2 * 3.14159265358979323846);
      return a_ + b_ * density / (0.5 * std::erfc(-z / std::sqrt(2.0)));
    }
    case Kind::lognormal:
      return a_ * base::exp(b_ * b_ / 2);
    case Kind::exponential:
      return a_;
    case Kind::pareto:
      if (c_ > 0 && b_ == 1) return a_ + a_ * base::log(c_ / a_);
      if (c_ > 0) return a_ + base::pow(a_, b_) * (base::pow(c_, 1 - b_) - base::pow(a_, 1 - b_)) / (1 - b_);
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
