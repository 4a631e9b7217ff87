#include "bench/batch_probe.hpp"

#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "bench/bench_train.hpp"
#include "config/sections/compute.hpp"
#include "engine/step_engine.hpp"

namespace afu::bench {

BatchProbe probe_batched_clients(const config::ComputeSection& section, const std::string& device,
                                 const config::ModelSection& model, const model::InputShape& shape,
                                 std::int64_t batch_size, int lanes, std::int64_t most) {
  const auto began = std::chrono::steady_clock::now();
  TrainBenchSettings settings;
  settings.device = device;
  settings.batch_size = batch_size;
  settings.lanes = {lanes};
  settings.repetitions = 3;
  settings.reference = false;
  for (const int clients : {4, 16, 64})
    if (clients <= most) settings.clients.push_back(clients);
  BatchProbe probe;
  if (settings.clients.empty()) return probe;
  settings.steps = 2 * settings.clients.back();
  auto net = model::make_model(model, shape);
  const std::string engine = engine::choose_step(*net, *model::make_layout(*net), torch::Device(device),
                                                 section.step, section.precision)
                                 .engine();
  settings.engines = {engine};
  const auto bench = bench_train(model, shape, settings);
  const double alone = bench.rate(engine, lanes);
  double best = 1.1 * alone;
  const auto steps = [&](double images) { return images / static_cast<double>(batch_size); };
  probe.rates.push_back({1, steps(alone)});
  for (const int clients : settings.clients) {
    const double rate = bench.rate(fmt::format("batched {}", clients), lanes);
    probe.rates.push_back({clients, steps(rate)});
    if (rate <= best) continue;
    best = rate;
    probe.clients = clients;
  }
  probe.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return probe;
}

std::string to_text(const BatchProbe& probe) {
  if (probe.rates.empty())
    return "clients train one after the other: there are fewer than 4 a lane at a time";
  auto text = probe.clients == 1 ? std::string("clients train one after the other")
                                 : fmt::format("up to {} clients are stepped together", probe.clients);
  text += fmt::format(" (a probe of {:.1f} s: ", probe.seconds);
  for (const auto& r : probe.rates)
    text += fmt::format("{}{} {}: {:.0f} steps/s", &r == &probe.rates.front() ? "" : ", ", r.clients,
                        r.clients == 1 ? "client" : "clients", r.steps_per_second);
  return text + ")";
}

}  // namespace afu::bench
