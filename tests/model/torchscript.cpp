#include "tests/model/support.hpp"

#include <torch/csrc/jit/serialization/import.h>

#include <fstream>
#include <stdexcept>

#include "model/footprint.hpp"

using namespace afu::model;
using namespace afu::model::test;

namespace {

afu::config::ModelSection script(const std::string& path) {
  auto s = section("torchscript");
  s.path = path;
  return s;
}

}  // namespace

TEST_CASE("a user's module is trained in place and saved as itself") {
  TemporaryFile file("user.pt"), saved("saved.pt");
  user_module().save(file.path());
  const auto s = script(file.path());
  Loaded net(s, kUserShape);

  // The frozen parameter and the integer counter have no slot.
  std::vector<std::string> names;
  for (const auto& slot : net.layout->parameters) names.push_back(slot.name);
  CHECK(names == std::vector<std::string>{"kernel", "scale", "shift", "head"});
  CHECK(net.layout->buffers.size() == 2);
  CHECK(net.layout->buffer_count == 4);

  const auto x = images(6, kUserShape);
  const auto labels = torch::tensor({0, 1, 2, 0, 1, 2}, torch::kLong);
  const auto* data = net.model->named_parameters()[0].second.data_ptr<float>();
  CHECK(data == net.flat.parameters.data_ptr<float>());
  net.model->train(true);
  const auto loss = [&] { return torch::nll_loss(torch::log_softmax(net.model->forward(x), 1), labels); };
  const double first = loss().item<double>();
  for (int i = 0; i < 20; ++i) {
    net.flat.gradients.zero_();
    loss().backward();
    REQUIRE(net.flat.gradients.norm().item<double>() > 0);
    torch::NoGradGuard no_grad;
    net.flat.parameters.add_(net.flat.gradients, -0.1);
  }
  CHECK(loss().item<double>() < 0.8 * first);
  CHECK(net.model->named_parameters()[0].second.data_ptr<float>() == data);
  CHECK_FALSE(torch::equal(net.flat.buffers, net.start->buffers));

  net.model->train(false);
  torch::NoGradGuard no_grad;
  const auto version =
      std::make_shared<ParameterVector>(ParameterVector{net.layout, net.flat.parameters, net.flat.buffers});
  save_model(s, kUserShape, version, saved.path());
  auto module = torch::jit::load(saved.path());
  CHECK(torch::allclose(module.forward({x}).toTensor(), net.model->forward(x), 1e-5, 1e-6));

  // The file's own parameters are the start, whatever the replica holds by now and whatever the key.
  CHECK(sha256(initial_parameters(*net.model, net.layout, key(99))) == sha256(net.start));
  CHECK(torch::equal(net.start->values.narrow(0, 18, 2), torch::ones({2})));
}

TEST_CASE("tied weights are one slot, in training and in the saved file") {
  TemporaryFile file("tied.pt"), saved("tied-saved.pt");
  torch::jit::Module m("Tied");
  auto w = torch::eye(3).set_requires_grad(true);
  m.register_parameter("first", w, false);
  m.register_parameter("second", w, false);
  m.define(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "    return torch.matmul(torch.matmul(torch.flatten(x, 1), self.first), self.second)\n");
  m.save(file.path());
  const InputShape shape{3, 1, 1, 3};
  Loaded net(script(file.path()), shape);
  CHECK(net.layout->parameter_count == 9);
  net.flat.parameters.mul_(3);
  const auto x = images(2, shape);
  CHECK(torch::allclose(net.model->forward(x), 9 * x.view({2, 3})));
  const auto version =
      std::make_shared<ParameterVector>(ParameterVector{net.layout, net.flat.parameters, net.flat.buffers});
  save_model(script(file.path()), shape, version, saved.path());
  CHECK(torch::allclose(torch::jit::load(saved.path()).forward({x}).toTensor(), 9 * x.view({2, 3})));
}

TEST_CASE("files that cannot be used are refused by name") {
  TemporaryFile file("bad.pt");
  const auto refused = [&](const char* why) {
    CAPTURE(why);
    CHECK_THROWS_WITH_AS(make_model(script(file.path()), kUserShape), doctest::Contains(why),
                         std::runtime_error);
    CHECK_THROWS_WITH_AS(make_model(script(file.path()), kUserShape), doctest::Contains(file.path().c_str()),
                         std::runtime_error);
  };
  CHECK_THROWS_WITH_AS(make_model(section("torchscript"), kUserShape),
                       doctest::Contains("model.path is empty"), std::runtime_error);
  refused("cannot open");
  std::ofstream(file.path()) << "not a zip";
  refused("not a TorchScript file");
  user_module("    x = torch.dropout(x, 0.5, self.training)\n").save(file.path());
  refused("aten::dropout");
  user_module("    x = x + torch.rand_like(x)\n").save(file.path());
  refused("aten::rand_like");
  user_module("    x = x[:, :, 1:]\n").save(file.path());
  refused("1 x 8 x 8 the module fails");

  const auto frozen = user_module();
  for (auto p : frozen.parameters()) p.set_requires_grad(false);
  frozen.save(file.path());
  refused("no parameters that require gradients");
  auto wide = user_module();
  wide.register_parameter("wide", torch::zeros({2}, torch::kFloat64).set_requires_grad(true), false);
  wide.save(file.path());
  refused("'wide' is Double");
}

TEST_CASE("a module with other logits than the data has classes is refused") {
  TemporaryFile file("classes.pt");
  user_module().save(file.path());
  auto shape = kUserShape;
  shape.classes = 4;
  CHECK_THROWS_WITH_AS(make_model(script(file.path()), shape), doctest::Contains("[2, 3]"),
                       std::runtime_error);
}

TEST_CASE("dropout exported in evaluation mode is accepted") {
  TemporaryFile file("eval.pt");
  user_module("    x = torch.dropout(x, 0.5, False)\n").save(file.path());
  CHECK_NOTHROW(make_model(script(file.path()), kUserShape));
}

TEST_CASE("a user's module has a footprint") {
  TemporaryFile file("cost.pt");
  user_module().save(file.path());
  CHECK(flops_per_sample(script(file.path()), kUserShape) == 6 * (64 * 2 * 9.0 + 128 * 3.0));
  CHECK(bytes_per_lane(script(file.path()), kUserShape, 32) >
        bytes_per_lane(script(file.path()), kUserShape, 16));
}
