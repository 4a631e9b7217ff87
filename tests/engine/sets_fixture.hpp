#pragma once
/// A lane whose images have any number of three labels.
#include <memory>
#include <string>

#include "tests/engine/fixture.hpp"

namespace afu::test {

/// `count` noisy images: label l brightens its third of the rows.
inline std::shared_ptr<const data::Images> images_with_sets(std::int64_t count) {
  auto images = std::make_shared<data::Images>();
  images->height = images->width = 8;
  images->label_bits = 3;
  base::Stream stream({2, base::purpose("test.images"), 0, 0});
  for (std::int64_t i = 0; i < count; ++i) {
    const auto set = static_cast<std::int64_t>(stream.below(8));
    images->labels.push_back(set);
    for (std::int64_t y = 0; y < 8; ++y)
      for (std::int64_t x = 0; x < 8; ++x)
        images->pixels.push_back(
            static_cast<std::uint8_t>(stream.below(120) + (data::has_label(set, y * 3 / 8) ? 100 : 0)));
  }
  return images;
}

struct SetsLane : Lane {
  explicit SetsLane(const std::string& name = "mlp", config::StepEngine step = config::StepEngine::auto_)
      : Lane(name) {
    images = images_with_sets(120);
    workspace =
        std::make_unique<engine::Workspace>(model::make_model(network(name), tiny_shape),
                                            engine::make_resident(images, torch::kCPU), torch::kCPU, step);
    initial = model::initial_parameters(workspace->net(), workspace->layout(),
                                        {7, base::purpose("test.model"), 0, 0});
  }
};

}  // namespace afu::test
