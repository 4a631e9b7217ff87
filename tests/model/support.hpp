#pragma once
/// Helpers of the model tests.
#include <torch/csrc/jit/api/module.h>
#include <torch/types.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "config/sections/model.hpp"
#include "model/model.hpp"

// After torch: its logging headers define a CHECK of their own, which doctest's must replace.
#include <doctest/doctest.h>

namespace afu::model::test {

inline config::ModelSection section(const std::string& name, const std::string& norm = "group") {
  config::ModelSection s;
  s.name = config::named<config::Architecture>(name, "model.name");
  s.norm = config::named<config::Norm>(norm, "model.norm");
  return s;
}

inline base::StreamKey key(std::uint64_t seed = 7) { return {seed, base::purpose("initialisation"), 0, 0}; }

/// Reproducible images without torch's generator.
inline torch::Tensor images(std::int64_t batch, const InputShape& s, std::uint64_t seed = 11) {
  base::Stream stream({seed, base::purpose("images"), 0, 0});
  auto x = torch::empty({batch, s.channels, s.height, s.width});
  auto* p = x.data_ptr<float>();
  for (std::int64_t i = 0; i < x.numel(); ++i) p[i] = static_cast<float>(2 * stream.uniform() - 1);
  return x;
}

/// A model with its flat views and the initial version loaded.
struct Loaded {
  std::unique_ptr<Model> model;
  std::shared_ptr<const Layout> layout;
  ParametersPtr start;
  FlatViews flat;

  Loaded(const config::ModelSection& section, const InputShape& shape) : model(make_model(section, shape)) {
    layout = make_layout(*model);
    start = initial_parameters(*model, layout, key());
    flat = flatten_into_views(*model, *layout, torch::kCPU);
    flat.parameters.copy_(start->values);
    flat.buffers.copy_(start->buffers);
  }
};

/// A path in the system's temporary folder, removed at the end of the scope.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("afu-" + std::to_string(::getpid()) + "-" + name)) {}
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// What a user might bring: convolution, BatchNorm with its integer counter, linear; 1 x 8 x 8 images, 3
/// classes.
inline torch::jit::Module user_module(const std::string& extra = "") {
  torch::jit::Module m("Users");
  const auto shape = [](std::vector<std::int64_t> s, float scale) {
    auto t = torch::arange(c10::multiply_integers(s), torch::kFloat32).view(s);
    return ((t.remainder(7) - 3) * scale).set_requires_grad(true);
  };
  m.register_attribute("training", c10::BoolType::get(), true);
  m.register_parameter("kernel", shape({2, 1, 3, 3}, 0.1f), false);
  m.register_parameter("scale", torch::ones({2}).set_requires_grad(true), false);
  m.register_parameter("shift", torch::zeros({2}).set_requires_grad(true), false);
  m.register_parameter("head", shape({3, 128}, 0.05f), false);
  m.register_parameter("frozen", torch::full({3}, 0.5f), false);
  m.register_buffer("mean", torch::zeros({2}));
  m.register_buffer("var", torch::ones({2}));
  m.register_buffer("count", torch::zeros({}, torch::kLong));
  m.define(R"(
def forward(self, x: Tensor) -> Tensor:
    if self.training:
        self.count.add_(1)
    x = torch.conv2d(x, self.kernel, None, [1, 1], [1, 1])
    x = torch.batch_norm(x, self.scale, self.shift, self.mean, self.var, self.training, 0.1, 1e-5, True)
    x = torch.relu(x)
)" + extra +
           R"(
    return torch.linear(torch.flatten(x, 1), self.head, self.frozen)
)");
  return m;
}
constexpr InputShape kUserShape{1, 8, 8, 3};

}  // namespace afu::model::test
