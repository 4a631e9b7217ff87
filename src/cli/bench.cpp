#include <fmt/core.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/verb.hpp"
#include "compute/bench.hpp"

namespace afu::cli {
namespace {

struct Options {
  std::string model = "cnn_small";
  std::int64_t batch = 32, steps = 60, size = 28, channels = 1, classes = 10;
  int lanes = 0, repetitions = 5;
  bool json = false;
};

int bench_train(const Options& o) {
  config::ModelSection section;
  section.name = o.model;
  const int lanes = o.lanes > 0 ? o.lanes : static_cast<int>(std::thread::hardware_concurrency());
  const auto b = compute::bench_train(section, {o.channels, o.size, o.size, o.classes}, o.batch, o.steps,
                                      lanes, o.repetitions);
  if (!o.json) {
    fmt::print("{}", compute::to_text(b));
    return 0;
  }
  nlohmann::ordered_json j{{"bench", "train"},           {"model", b.model},
                           {"parameters", b.parameters}, {"batch_size", b.batch_size},
                           {"steps", b.steps},           {"flops_per_sample", b.flops_per_sample}};
  for (const auto& r : b.rows)
    j["rows"].push_back({{"lanes", r.lanes},
                         {"images_per_second", r.lane_images_per_second},
                         {"plain_images_per_second", r.plain_images_per_second},
                         {"bound_images_per_second", b.bound(r.lanes)}});
  fmt::print("{}\n", j.dump(2));
  return 0;
}

}  // namespace

std::function<int()> declare_bench(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.require_subcommand(1);
  auto* train = app.add_subcommand("train", "Images a second of the lanes against a plain LibTorch loop");
  train->add_option("--model", o->model, "cnn, cnn_small, resnet18, mlp, logreg")->capture_default_str();
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
  train->add_flag("--json", o->json, "JSON instead of a table");
  return [o] { return bench_train(*o); };
}

}  // namespace afu::cli
