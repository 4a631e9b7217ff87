#include <fmt/core.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "cli/verb.hpp"
#include "compute/bench_train.hpp"
#include "compute/devices.hpp"

namespace afu::cli {
namespace {

struct Options {
  std::string model = "cnn_small";
  std::int64_t batch = 32, steps = 60, size = 28, channels = 1, classes = 10;
  int lanes = 0, repetitions = 5;
  std::string json;
};

/// With what every result of a bench says about where it was measured.
void write_json(nlohmann::ordered_json j, const std::string& path) {
  for (const auto& [name, version] : compute::library_versions()) j["versions"][name] = version;
  j["processor"] = compute::device_info("cpu").description;
  std::ofstream out(path);
  out << j.dump(2) << '\n';
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

int bench_train(const Options& o) {
  config::ModelSection section;
  section.name = o.model;
  const int lanes = o.lanes > 0 ? o.lanes : static_cast<int>(std::thread::hardware_concurrency());
  const auto b = compute::bench_train(section, {o.channels, o.size, o.size, o.classes}, o.batch, o.steps,
                                      lanes, o.repetitions);
  fmt::print("{}", compute::to_text(b));
  if (o.json.empty()) return 0;
  nlohmann::ordered_json j{{"bench", "train"},
                           {"model", b.model},
                           {"parameters", b.parameters},
                           {"batch_size", b.batch_size},
                           {"steps", b.steps},
                           {"step", b.step},
                           {"flops_per_sample", b.flops_per_sample},
                           {"peak_flops_per_second", b.peak_flops_per_second}};
  for (const auto& r : b.rows)
    j["rows"].push_back({{"engine", r.engine},
                         {"lanes", r.lanes},
                         {"images_per_second", r.images_per_second},
                         {"steps_per_second", r.steps_per_second},
                         {"images_per_cpu_second", r.images_per_cpu_second},
                         {"bound_images_per_second", b.bound(r.lanes)}});
  write_json(j, o.json);
  return 0;
}

}  // namespace

std::function<int()> declare_bench(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.require_subcommand(1);
  auto* train = app.add_subcommand("train", "Images a second of the lanes against a plain LibTorch loop");
  train->add_option("--model", o->model, "cnn, cnn_small, lenet, cnn_mnist, resnet18, mlp, logreg")
      ->capture_default_str();
  train->add_option("--batch", o->batch, "Batch size")->capture_default_str()->check(CLI::PositiveNumber);
  train->add_option("--steps", o->steps, "Steps a repetition")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  train->add_option("--size", o->size, "Image side, pixels")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  train->add_option("--channels", o->channels, "Channels")->capture_default_str()->check(CLI::PositiveNumber);
  train->add_option("--classes", o->classes, "Classes")->capture_default_str()->check(CLI::PositiveNumber);
  train->add_option("--lanes", o->lanes, "Most lanes; 0: as many as cores")->capture_default_str();
  train->add_option("--repetitions", o->repetitions, "Of which the median is shown")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  train->add_option("--json", o->json, "Also write this file");
  return [o] { return bench_train(*o); };
}

}  // namespace afu::cli
