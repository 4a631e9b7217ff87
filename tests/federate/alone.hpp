#pragma once
/// The server's parts alone, without a lane: set-ups of four clients, and vectors that nobody looks into.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "federate/setup.hpp"
#include "methods/registry.hpp"

#include <doctest/doctest.h>

namespace afu::test {

inline federate::Setup setup_of(const std::string& text,
                                std::vector<std::uint32_t> samples = {100, 100, 100, 100},
                                const std::vector<std::string>& set = {}) {
  const std::string all = "[data]\nclasses = 3\n[partition]\nclients = " + std::to_string(samples.size()) +
                          "\n[calibration]\nsamples_per_environment = 4\n" + text +
                          "\n[stop]\nupdates = 1000\n";
  federate::Setup s;
  s.scenario = std::make_shared<const config::Scenario>(
      config::parse_scenario(all, "test.toml", set, methods::method_sections()));
  s.samples = std::move(samples);
  s.forget.resize(s.scenario->erasures.size());
  return s;
}

/// Stands for a vector: it can be told from others and handed on, no more.
inline model::ParametersPtr token() {
  auto at = std::make_shared<std::max_align_t>();
  return {at, reinterpret_cast<const model::ParameterVector*>(at.get())};
}

inline data::IndicesPtr indices(data::Indices rows) {
  return std::make_shared<const data::Indices>(std::move(rows));
}

/// Requests are told by their position.
inline std::string asks(const std::string& what, int at_update = 1) {
  return "[[erasure]]\n" + what + "\nat_update = " + std::to_string(at_update) + "\n";
}

}  // namespace afu::test
