#include "compute/prepare_model.hpp"

#include <fmt/format.h>

#include <map>
#include <stdexcept>
#include <utility>

#include "compute/devices.hpp"
#include "compute/step_engine.hpp"
#include "compute/workspace.hpp"
#include "model/footprint.hpp"
#include "model/model.hpp"

namespace afu::compute {
namespace {
model::InputShape shape(const ModelInput& i) { return {i.channels, i.height, i.width, i.classes}; }
}  // namespace

model::ParametersPtr initial_model(const config::ModelSection& section, const ModelInput& input,
                                   std::uint64_t seed) {
  auto net = model::make_model(section, shape(input));
  const auto layout = model::make_layout(*net);
  return model::initial_parameters(*net, layout, {seed, sim::purpose("init"), 0, 0});
}

std::int64_t model_bytes(const config::ModelSection& section, const ModelInput& input) {
  auto net = model::make_model(section, shape(input));
  const auto layout = model::make_layout(*net);
  return 4 * (layout->parameter_count + layout->buffer_count);
}

std::vector<EngineSpec> open_lanes(const std::vector<std::string>& wanted, std::int64_t lanes,
                                   const config::ModelSection& section, const ModelInput& input,
                                   std::int64_t batch, std::shared_ptr<const data::Images> pool,
                                   const std::string& step, std::vector<std::string>& notes) {
  const auto per_lane = model::bytes_per_lane(section, shape(input), batch);
  std::map<std::string, std::shared_ptr<const ResidentPool>> resident;
  std::vector<EngineSpec> specs;
  const auto spec = [&](const std::string& device) {
    auto& images = resident[device];
    if (!images) images = make_resident(pool, torch::Device(device));
    return EngineSpec{device,      section,       input.channels, input.height,
                      input.width, input.classes, images,         step};
  };
  for (const auto& device : wanted) {
    const auto info = device_info(device);
    const int asked = static_cast<int>(lanes > 0 ? lanes : device == "cpu" ? info.cores_or_sms : 4);
    const int granted = admissible_lanes(info, asked, per_lane);
    if (granted == 0)
      throw std::runtime_error(fmt::format("{}: not one lane of {} MiB fits into the {} MiB that are free",
                                           device, per_lane >> 20, info.free_bytes >> 20));
    if (granted < asked)
      notes.push_back(fmt::format("{}: {} lanes instead of {}, since one needs {} MiB and {} MiB are free",
                                  device, granted, asked, per_lane >> 20, info.free_bytes >> 20));
    for (int i = 0; i < granted; ++i) specs.push_back(spec(device));
  }
  if (const auto it = resident.find("cpu"); it != resident.end()) {
    auto net = model::make_model(section, shape(input));
    notes.push_back("training steps on the CPU: " +
                    choose_step(*net, *model::make_layout(*net), torch::kCPU, step).reason);
  }
  specs.push_back(spec(wanted.front()));
  return specs;
}

void save(const config::ModelSection& section, const ModelInput& input,
          const model::ParametersPtr& parameters, const std::string& path) {
  model::save_model(section, shape(input), parameters, path);
}

}  // namespace afu::compute
