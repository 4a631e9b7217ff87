#pragma once
/// What the files of `afu bench` share.
#include <CLI/CLI.hpp>

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model/model.hpp"

namespace afu::cli {

/// Writes a bench's result with what every result says about where it was measured. Throws
/// std::runtime_error.
void write_json(nlohmann::ordered_json j, const std::string& path);

/// Which network, for images of which shape.
struct ModelOptions {
  std::string name = "cnn_small";
  std::int64_t size = 28, channels = 1, classes = 10;
  void declare(CLI::App& bench);
  model::InputShape shape() const { return {channels, size, size, classes}; }
};

/// `afu bench train`.
std::function<int()> declare_bench_train(CLI::App& bench);

/// `afu bench events`.
std::function<int()> declare_bench_events(CLI::App& bench);

}  // namespace afu::cli
