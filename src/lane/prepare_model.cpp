#include "lane/prepare_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <utility>

#include "base/input_error.hpp"
#include "bench/batch_probe.hpp"
#include "config/sections/compute.hpp"
#include "config/sections/model.hpp"
#include "device/devices.hpp"
#include "device/notes.hpp"
#include "device/products.hpp"
#include "engine/step_engine.hpp"
#include "engine/workspace.hpp"
#include "lane/admission.hpp"
#include "lane/lane_plan.hpp"
#include "model/archive.hpp"
#include "model/footprint.hpp"
#include "model/model.hpp"

namespace afu::lane {
namespace {
model::InputShape shape(const ModelInput& i) { return {i.channels, i.height, i.width, i.classes, i.depth}; }

LaneNeeds needs_of(const config::ModelSection& model, const ModelInput& input, const data::Images& pool,
                   const LaneWork& work, bool recorded, std::int64_t batched_clients) {
  LaneNeeds needs{model::bytes_per_lane(model, shape(input), work.largest_batch, recorded),
                  static_cast<std::int64_t>(pool.pixels.size()) +
                      std::max<std::int64_t>(8, pool.label_bits) * pool.size(),
                  pool.pixels.mapping() != nullptr};
  if (batched_clients > 1)  // weights, gradients, momentum, also of fewer (in all as many); versions, results
    needs.per_lane += model::bytes_per_lane(model, shape(input), batched_clients * work.training_batch) +
                      batched_clients * (2 * (3 + work.moments) + 3) * model_bytes(model, input);
  needs.per_lane += work.moments * model_bytes(model, input);
  return needs;
}
}  // namespace

model::ParametersPtr initial_model(const config::ModelSection& section, const ModelInput& input,
                                   std::uint64_t seed) {
  auto net = model::make_model(section, shape(input));
  const auto layout = model::make_layout(*net);
  return model::initial_parameters(*net, layout, {seed, base::purpose("init"), 0, 0});
}

model::ParametersPtr saved_model(const config::ModelSection& section, const ModelInput& input,
                                 const std::string& path) {
  namespace fs = std::filesystem;
  auto net = model::make_model(section, shape(input));
  const auto file = fs::is_directory(path) ? (fs::path(path) / "model.pt").string() : path;
  auto saved = model::read_parameters(file, model::make_layout(*net));
  if (!model::is_finite(*saved)) throw InputError(file + ": not every number in it is finite");
  return saved;
}

std::int64_t model_bytes(const config::ModelSection& section, const ModelInput& input) {
  auto net = model::make_model(section, shape(input));
  const auto layout = model::make_layout(*net);
  return 4 * (layout->parameter_count + layout->buffer_count);
}

bool has_buffers(const config::ModelSection& section, const ModelInput& input) {
  auto net = model::make_model(section, shape(input));
  return model::make_layout(*net)->buffer_count > 0;
}

std::int64_t least_training_batch(const config::ModelSection& section, const ModelInput& input) {
  return model::make_model(section, shape(input))->least_training_batch();
}

std::vector<EngineSpec> open_lanes(const config::ComputeSection& section,
                                   const std::vector<std::string>& slots, const config::ModelSection& model,
                                   const ModelInput& input, const LaneWork& work,
                                   const std::shared_ptr<const data::Images>& pool,
                                   const std::shared_ptr<device::Notes>& notes) {
  auto net = model::make_model(model, shape(input));
  const auto layout = model::make_layout(*net);
  std::vector<device::DeviceInfo> devices;
  bool recorded = false;
  auto bound = device::bound_to_processor();
  for (const auto& name : slots) {
    devices.push_back(device::device_info(name));
    const auto choice =
        engine::choose_step(*net, *layout, torch::Device(name), section.step, section.precision);
    recorded = recorded || choice.recorded;
    if (!choice.plan) bound = "the network goes through LibTorch's operators (" + choice.reason + ")";
    notes->add(fmt::format("training steps on {}: {}", name == "cpu" ? "the CPU" : name, choice.reason));
  }
  std::vector<std::string> fewer;
  auto batched_clients = std::max<std::int64_t>(1, section.batched_clients);
  const auto planned = [&] {
    fewer.clear();
    return plan_lanes(devices, section.lanes, needs_of(model, input, *pool, work, recorded, batched_clients),
                      fewer);
  };
  auto plan = planned();
  if (section.batched_clients == 0) {
    const int lanes = std::accumulate(plan.begin(), plan.end(), 0);
    const auto probe = bench::probe_batched_clients(section, slots.front(), model, shape(input),
                                                    work.training_batch, plan.front(), work.clients / lanes);
    batched_clients = probe.clients;
    notes->add(bench::to_text(probe));
    plan = planned();
  }
  for (auto& note : fewer) notes->add(std::move(note));
  if (section.deterministic && !bound.empty()) notes->add("same bytes on this processor only: " + bound);

  std::vector<EngineSpec> specs;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const torch::Device device(slots[i]);
    const auto earlier = slots.begin() + static_cast<std::ptrdiff_t>(i);
    // One that is mapped from a file is everybody's: a copy would take the memory that it saves.
    const bool copied =
        device.is_cpu() && std::find(slots.begin(), earlier, slots[i]) != earlier && !pool->pixels.mapping();
    const int lanes = plan[i] + (i == 0 ? 1 : 0);
    const EngineSpec spec{
        slots[i],
        model,
        input.channels,
        input.height,
        input.width,
        input.classes,
        input.depth,
        engine::make_resident(copied ? std::make_shared<const data::Images>(*pool) : pool, device),
        section.step,
        section.precision,
        section.deterministic,
        batched_clients,
        std::make_shared<Admission>(lanes),
        notes,
        bound};
    specs.insert(specs.end(), static_cast<std::size_t>(plan[i]), spec);
  }
  specs.push_back(specs.front());
  return specs;
}

void save(const config::ModelSection& section, const ModelInput& input,
          const model::ParametersPtr& parameters, const std::string& path) {
  model::save_model(section, shape(input), parameters, path);
}

}  // namespace afu::lane
