#include "tests/model/support.hpp"

#include <torch/csrc/jit/serialization/import.h>

#include <fstream>
#include <stdexcept>

#include "base/input_error.hpp"
#include "config/sections/model.hpp"
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
  refused("no such file");
  std::ofstream(file.path()) << "not a zip";
  refused("not a TorchScript file");
  user_module("    x = torch.dropout(x, 0.5, self.training)\n").save(file.path());
  refused("aten::dropout");
  user_module("    x = x + torch.rand_like(x)\n").save(file.path());
  refused("aten::rand_like");
  user_module("    x = x[:, :, 1:]\n").save(file.path());
  refused("called with 3 images of 1 x 8 x 8 the module fails: ");

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
  CHECK_THROWS_WITH_AS(make_model(script(file.path()), shape),
                       doctest::Contains("gives [3, 3] Float, wanted [3, 4]"), std::runtime_error);
}

TEST_CASE("layers that draw random numbers in training are refused, wherever they stand") {
  TemporaryFile file("random.pt");
  const auto refused = [&](const torch::jit::Module& module, const char* why) {
    CAPTURE(why);
    module.save(file.path());
    CHECK_THROWS_WITH_AS(make_model(script(file.path()), kUserShape), doctest::Contains(why),
                         afu::InputError);
  };
  for (const char* call : {"dropout(x, 0.5, self.training)", "feature_dropout(x, 0.5, self.training)",
                           "alpha_dropout(x, 0.1, True)", "feature_alpha_dropout(x, 0.1, True)",
                           "dropout_(x, 0.5, self.training)", "rrelu(x, 0.1, 0.3, self.training)",
                           "bernoulli(x)", "randn_like(x)", "poisson(torch.abs(x))"})
    refused(user_module(std::string("    x = torch.") + call + "\n"), "draws random numbers");
  refused(user_module("    x = x + torch.multinomial(torch.ones([4]), 1)\n"), "aten::multinomial");

  // In a branch of a method that forward of a submodule calls.
  const auto called = [&](const char* body) {
    torch::jit::Module m("Outer");
    m.register_attribute("training", c10::BoolType::get(), true);
    torch::jit::Module inner("Inner");
    inner.register_attribute("training", c10::BoolType::get(), true);
    inner.register_parameter("weight", torch::ones({3, 64}).set_requires_grad(true), false);
    inner.define(std::string("def step(self, x: Tensor) -> Tensor:\n") + body +
                 "    return x\n"
                 "def forward(self, x: Tensor) -> Tensor:\n"
                 "    return torch.linear(self.step(torch.flatten(x, 1)), self.weight)\n");
    m.register_module("inner", inner);
    m.define("def forward(self, x: Tensor) -> Tensor:\n    return self.inner.forward(x)\n");
    return m;
  };
  refused(called("    if self.training:\n        x = torch.dropout(x, 0.5, True)\n"), "aten::dropout");
  called("    if self.training:\n        x = torch.dropout(x, 0.0, True)\n").save(file.path());
  CHECK_NOTHROW(make_model(script(file.path()), kUserShape));
}

namespace {

/// A row of the image at a time through a GRU.
torch::jit::Module recurrent(const std::string& layers, const std::string& dropout,
                             const std::string& train) {
  torch::jit::Module m("Rows");
  m.register_attribute("training", c10::BoolType::get(), true);
  const int count = layers == "2" ? 2 : 1;
  std::string weights;
  for (int layer = 0; layer < count; ++layer)
    for (const auto& [name, shape] : std::vector<std::pair<std::string, std::vector<std::int64_t>>>{
             {"a", {12, layer == 0 ? 8 : 4}}, {"b", {12, 4}}, {"c", {12}}, {"d", {12}}}) {
      const auto full = name + std::to_string(layer);
      m.register_parameter(full, torch::full(shape, 0.1).set_requires_grad(true), false);
      weights += (weights.empty() ? "self." : ", self.") + full;
    }
  m.register_parameter("head", torch::ones({3, 4}).set_requires_grad(true), false);
  m.define(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "    start = torch.zeros([" +
      layers +
      ", x.size(0), 4])\n"
      "    all, last = torch.gru(x.squeeze(1), start, [" +
      weights + "], True, " + layers + ", " + dropout + ", " + train +
      ", False, True)\n"
      "    return torch.linear(all.select(1, -1), self.head)\n");
  return m;
}

}  // namespace

TEST_CASE("dropout between the layers of a recurrent network is dropout") {
  TemporaryFile file("gru.pt");
  const auto with = [&](const char* layers, const char* dropout, const char* train) {
    recurrent(layers, dropout, train).save(file.path());
    return make_model(script(file.path()), kUserShape);
  };
  CHECK_THROWS_WITH_AS(with("2", "0.5", "self.training"), doctest::Contains("aten::gru draws random numbers"),
                       afu::InputError);
  CHECK_THROWS_AS(with("2", "0.5", "True"), afu::InputError);
  CHECK_NOTHROW(with("2", "0.0", "self.training"));
  CHECK_NOTHROW(with("2", "0.5", "False"));
  CHECK_NOTHROW(with("1", "0.5", "self.training"));  // there is nothing between one layer
}

TEST_CASE("dropout that does nothing is accepted: of probability 0, or exported in evaluation mode") {
  TemporaryFile file("eval.pt");
  for (const char* body :
       {"    x = torch.dropout(x, 0.5, False)\n", "    x = torch.dropout(x, 0.0, self.training)\n",
        "    x = torch.dropout(x, 0., True)\n",
        // As torch.nn.functional.multi_head_attention_forward has it.
        "    p = 0.0\n    if not self.training:\n        p = 0.0\n"
        "    if p > 0.0:\n        x = torch.dropout(x, p, True)\n"}) {
    CAPTURE(body);
    user_module(body).save(file.path());
    CHECK_NOTHROW(make_model(script(file.path()), kUserShape));
  }
}

TEST_CASE("the probability of a dropout may be an attribute of a module below") {
  TemporaryFile file("attribute.pt");
  // As torch.nn.MultiheadAttention has it, which hands its attribute on to a function.
  const auto module = [](double probability, const char* more = "") {
    torch::jit::Module inner("Attention");
    inner.register_attribute("training", c10::BoolType::get(), true);
    inner.register_attribute("dropout", c10::FloatType::get(), probability);
    inner.register_parameter("weight", torch::ones({3, 64}).set_requires_grad(true), false);
    inner.define(std::string("def drop(self, x: Tensor, p: float, training: bool) -> Tensor:\n"
                             "    if not training:\n        p = 0.0\n"
                             "    if p > 0.0:\n        x = torch.dropout(x, p, True)\n"
                             "    return x\n"
                             "def forward(self, x: Tensor) -> Tensor:\n") +
                 more +
                 "    x = self.drop(torch.flatten(x, 1), self.dropout, self.training)\n"
                 "    return torch.linear(x, self.weight)\n");
    torch::jit::Module m("Outer");
    m.register_attribute("training", c10::BoolType::get(), true);
    m.register_module("inner", inner);
    m.define("def forward(self, x: Tensor) -> Tensor:\n    return self.inner.forward(x)\n");
    return m;
  };
  module(0.0).save(file.path());
  CHECK_NOTHROW(make_model(script(file.path()), kUserShape));
  module(0.5).save(file.path());
  CHECK_THROWS_WITH_AS(make_model(script(file.path()), kUserShape),
                       doctest::Contains("aten::dropout draws random numbers"), afu::InputError);
  module(0.0, "    self.dropout = 0.5\n").save(file.path());
  CHECK_THROWS_AS(make_model(script(file.path()), kUserShape), afu::InputError);
}

TEST_CASE("a module that does not answer to every batch as it should is refused with one line") {
  TemporaryFile file("batch.pt");
  const auto refused = [&](const torch::jit::Module& module, const char* why) {
    CAPTURE(why);
    module.save(file.path());
    try {
      make_model(script(file.path()), kUserShape);
      FAIL("accepted");
    } catch (const afu::InputError& e) {
      const std::string what = e.what();
      CHECK(what.find(file.path()) == 0);
      CHECK(what.find(why) != std::string::npos);
      CHECK(what.find('\n') == std::string::npos);
      CHECK(what.find("frame #") == std::string::npos);
    }
  };
  refused(user_module("    x = torch.view(x, [2, 2, 8, 8])\n"),
          "called with 3 images of 1 x 8 x 8 the module fails: shape '[2, 2, 8, 8]' is invalid");
  refused(user_module("    x = torch.flatten(x, 0, 0)[0:1]\n"), "gives [1, 3] Float, wanted [3, 3] Float");
  refused(
      user_module("    x = x.detach()\n    if self.training:\n        return torch.zeros([x.size(0), 3])\n"),
      "do not depend on parameters");
  torch::jit::Module m("Two");
  m.register_parameter("w", torch::ones({3, 64}).set_requires_grad(true), false);
  m.define(
      "def forward(self, x: Tensor, mask: Tensor) -> Tensor:\n"
      "    return torch.linear(torch.flatten(x, 1) * mask, self.w)\n");
  refused(m, "missing value for argument 'mask'");
  torch::jit::Module pair("Pair");
  pair.register_parameter("w", torch::ones({3, 64}).set_requires_grad(true), false);
  pair.define(
      "def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:\n"
      "    y = torch.linear(torch.flatten(x, 1), self.w)\n    return (y, y)\n");
  refused(pair, "gives a Tuple, wanted one tensor of logits");
  torch::jit::Module keeps("Keeps");
  keeps.register_parameter("w", torch::ones({3, 64}).set_requires_grad(true), false);
  keeps.register_attribute("calls", c10::IntType::get(), 0);
  keeps.define(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "    self.calls = self.calls + 1\n"
      "    return self.calls * torch.linear(torch.flatten(x, 1), self.w)\n");
  refused(keeps, "forward keeps 'calls' from call to call");
}

TEST_CASE("a module with batch statistics of single values says that it needs two samples") {
  TemporaryFile file("flat-norm.pt");
  torch::jit::Module m("FlatNorm");
  m.register_attribute("training", c10::BoolType::get(), true);
  m.register_parameter("w", torch::ones({3, 64}).set_requires_grad(true), false);
  m.register_buffer("mean", torch::zeros({64}));
  m.register_buffer("var", torch::ones({64}));
  m.define(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "    if self.training:\n        x = x + 0 * torch.select(x, 0, 1)\n"  // fails as Python's batch_norm
                                                                            // does
      "    x = torch.batch_norm(torch.flatten(x, 1), None, None, self.mean, self.var, self.training, 0.1, "
      "1e-5, True)\n    return torch.linear(x, self.w)\n");
  m.save(file.path());
  CHECK(make_model(script(file.path()), kUserShape)->least_training_batch() == 2);
  user_module().save(file.path());
  const auto pixels = make_model(script(file.path()), kUserShape);
  CHECK(pixels->least_training_batch() == 1);
  // Trying it out leaves no trace in its statistics.
  CHECK(torch::equal(pixels->named_buffers().at(0).second, torch::zeros({2})));
}

TEST_CASE("a user's module has a footprint") {
  TemporaryFile file("cost.pt");
  user_module().save(file.path());
  CHECK(flops_per_sample(script(file.path()), kUserShape) == 6 * (64 * 2 * 9.0 + 128 * 3.0));
  CHECK(bytes_per_lane(script(file.path()), kUserShape, 32) >
        bytes_per_lane(script(file.path()), kUserShape, 16));
}
