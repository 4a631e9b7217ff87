#include "methods/prune/scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "base/elementary.hpp"

namespace afu::methods {

std::vector<double> discrimination_scores(const std::vector<double>& statistics,
                                          const std::vector<std::int64_t>& layers, std::int64_t label,
                                          const Discrimination& form) {
  const auto channels =
      static_cast<std::size_t>(std::accumulate(layers.begin(), layers.end(), std::int64_t{0}));
  const auto classes = statistics.size() / (1 + channels);
  if (classes == 0 || statistics.size() % (1 + channels) != 0)
    throw std::invalid_argument(
        fmt::format("{} numbers are no statistics of {} channels", statistics.size(), channels));
  if (label < 0 || label >= static_cast<std::int64_t>(classes))
    throw std::invalid_argument(fmt::format("label is {}, allowed is [0, {}]", label, classes - 1));

  std::vector<std::size_t> present;
  for (std::size_t i = 0; i < classes; ++i)
    if (statistics[i] > 0) present.push_back(i);
  const auto target = static_cast<std::size_t>(label);
  std::vector<double> scores(channels, 0.0);
  if (statistics[target] <= 0) return scores;
  const auto mean = [&](std::size_t i, std::size_t j) {
    return statistics[classes + i * channels + j] / statistics[i];
  };

  std::size_t begin = 0;
  for (const auto width : layers) {
    const auto end = begin + static_cast<std::size_t>(width);
    const double factor = form.tf_coe > 0 ? base::log(static_cast<double>(width) / form.tf_coe) + 1 : 1.0;
    const double classes_seen =
        static_cast<double>(present.size()) + (form.idf == Discrimination::Idf::code ? 0.0 : 1.0);
    double layer = 0;
    for (std::size_t j = begin; j < end; ++j) layer += mean(target, j);
    for (std::size_t j = begin; j < end && layer > 0; ++j) {
      double average = 0;
      for (auto i : present) average += mean(i, j) / static_cast<double>(present.size());
      const auto active =
          std::count_if(present.begin(), present.end(), [&](std::size_t i) { return mean(i, j) >= average; });
      scores[j] =
          mean(target, j) / layer * factor * base::log(classes_seen / (1.0 + static_cast<double>(active)));
    }
    begin = end;
  }
  return scores;
}

}  // namespace afu::methods
