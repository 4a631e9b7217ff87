#pragma once
/// What the files of `afu bench` share.
#include <CLI/CLI.hpp>

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "config/choices.hpp"
#include "model/input_shape.hpp"

namespace afu::cli {

/// A federation of so many clients on which nothing is trained and nothing is written: three updates a
/// client, 9,000 updates at least.
struct TimingRun {
  std::int64_t clients = 0;
  std::uint64_t events = 0;
  double wall = 0, cpu = 0;  ///< seconds, from the start of the federation to its end
  double microseconds() const { return 1e6 * cpu / static_cast<double>(events); }  ///< CPU, an event
};
/// Throws std::runtime_error where the run fails.
TimingRun run_timing_only(std::int64_t clients);

/// The resolved name of one device. Throws UsageError where it is not there.
std::string device_name(const std::string& device);

/// Writes a bench's result with what every result says about where it was measured. Throws
/// std::runtime_error.
void write_json(nlohmann::ordered_json j, const std::string& path);

/// Which network, for images of which shape.
struct ModelOptions {
  std::string name = "cnn_small";
  std::int64_t size = 28, channels = 1, classes = 10;
  void declare(CLI::App& bench);
  static CLI::Validator built_in();  ///< the name of a network of this program's
  config::Architecture architecture() const { return config::named<config::Architecture>(name, "--model"); }
  model::InputShape shape() const { return {channels, size, size, classes}; }
};

/// `afu bench train`.
std::function<int()> declare_bench_train(CLI::App& bench);

/// `afu bench events`, `calibrate`, `checkpoint` and `scale`.
std::function<int()> declare_bench_events(CLI::App& bench);
std::function<int()> declare_bench_calibrate(CLI::App& bench);
std::function<int()> declare_bench_checkpoint(CLI::App& bench);
std::function<int()> declare_bench_scale(CLI::App& bench);

}  // namespace afu::cli
