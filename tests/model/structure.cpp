#include <algorithm>
#include <stdexcept>

#include "tests/model/support.hpp"

using namespace afu::model;
using afu::model::test::section;

namespace {

torch::Tensor logits(test::Loaded& net, const torch::Tensor& values, const torch::Tensor& x) {
  torch::NoGradGuard no_grad;
  net.flat.parameters.copy_(values);
  return net.model->forward(x).clone();
}

/// `values` with what a channel appears in set to 0.
torch::Tensor without(const test::Loaded& net, const Convolution& c, std::int64_t channel, bool own,
                      bool readers) {
  auto values = net.start->values.clone();
  const auto part = [&](const std::string& name) {
    const auto& slot = slot_named(*net.layout, name);
    return values.narrow(0, slot.offset, slot.size).view(slot.shape);
  };
  if (own)
    for (const auto& name : c.own) part(name).select(0, channel).zero_();
  if (readers)
    for (const auto& name : c.readers)
      part(name).view({part(name).size(0), c.channels, -1}).select(1, channel).zero_();
  return values;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("features and head make the logits") {
  const InputShape shape{1, 16, 16, 3};
  const auto x = test::images(4, shape);
  for (const std::string name : {"cnn", "cnn_small", "resnet18", "mlp", "logreg"}) {
    CAPTURE(name);
    torch::NoGradGuard no_grad;
    test::Loaded net(section(name), shape);
    net.model->train(false);
    const auto head = net.model->head();
    const auto features = net.model->features(x);
    CHECK(at::equal(at::linear(features, head.weight, head.bias), net.model->forward(x)));
    const auto range = head_range(*net.model, *net.layout);
    CHECK(range.classes == 3);
    CHECK(range.features == features.size(1));
    CHECK(at::equal(range.of(net.flat.parameters), torch::cat({head.weight.flatten(), head.bias})));
    CHECK(range.offset + range.size() == net.layout->parameter_count);
  }
}

TEST_CASE("a TorchScript model has no separable head and no known convolutions") {
  const InputShape shape{1, 16, 16, 3};
  test::TemporaryFile file("structure.pt");
  test::Loaded net(section("cnn_small"), shape);
  save_model(section("cnn_small"), shape, net.start, file.path());
  auto s = section("torchscript");
  s.path = file.path();
  const auto loaded = make_model(s, shape);
  const auto text = "this model has no separable head: its layers are not known";
  CHECK_THROWS_WITH_AS(loaded->features(test::images(1, shape)), text, std::runtime_error);
  CHECK_THROWS_WITH_AS(loaded->head(), text, std::runtime_error);
  CHECK(loaded->convolutions().empty());
}

TEST_CASE("where channels go") {
  auto net = make_model(section("cnn_small"), {1, 16, 16, 3});
  auto all = net->convolutions();
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "conv1");
  CHECK(all[0].channels == 16);
  CHECK(all[0].own == Names{"conv1.weight", "conv1.bias", "norm1.weight", "norm1.bias"});
  CHECK(all[0].readers == Names{"conv2.weight"});
  CHECK(all[1].readers == Names{"fc1.weight"});

  net = make_model(section("resnet18", "batch"), {1, 16, 16, 3});
  all = net->convolutions();
  CHECK(all.size() == 20);
  const auto named = [&](const std::string& name) {
    return *std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.name == name; });
  };
  CHECK(named("conv1").readers == Names{"layer1.0.conv1.weight"});
  CHECK(named("layer2.0.conv1").own ==
        Names{"layer2.0.conv1.weight", "layer2.0.bn1.weight", "layer2.0.bn1.bias"});
  CHECK(named("layer2.0.conv1").readers == Names{"layer2.0.conv2.weight"});
  // What is added to a shortcut is read as a sum: taking a summand away leaves the readers' weights alone.
  CHECK(named("layer2.0.conv2").readers.empty());
  CHECK(named("layer2.0.downsample.0").readers.empty());
  CHECK(named("layer2.0.downsample.0").own.size() == 3);
  CHECK(make_model(section("mlp"), {1, 16, 16, 3})->convolutions().empty());
}

TEST_CASE("a channel that is zero tells its readers nothing, and they read nothing else with those weights") {
  const InputShape shape{1, 12, 20, 3};
  const auto x = test::images(3, shape);
  for (const std::string name : {"cnn", "cnn_small", "cnn_mnist", "resnet18"})
    for (const std::string norm : {"group", "batch"}) {
      if (name != "resnet18" && norm == "batch") continue;
      CAPTURE(name);
      CAPTURE(norm);
      test::Loaded net(section(name, norm), shape);
      net.model->train(false);
      const auto before = logits(net, net.start->values, x);
      for (const auto& c : net.model->convolutions()) {
        CAPTURE(c.name);
        const auto channel = c.channels / 3;
        const auto own = logits(net, without(net, c, channel, true, false), x);
        CHECK((own - before).abs().max().item<double>() > 1e-7);
        CHECK(torch::allclose(own, logits(net, without(net, c, channel, true, true), x), 1e-5, 1e-6));
        if (name == "cnn")  // no norm, no sum: not to be read is not to be there
          CHECK(torch::allclose(own, logits(net, without(net, c, channel, false, true), x), 1e-5, 1e-6));
      }
    }
}

TEST_CASE("an observer sees every convolution and changes nothing") {
  const InputShape shape{1, 16, 16, 3};
  const auto x = test::images(2, shape);
  for (const std::string name : {"cnn", "cnn_small", "resnet18", "mlp"}) {
    CAPTURE(name);
    torch::NoGradGuard no_grad;
    test::Loaded net(section(name), shape);
    std::vector<std::pair<std::string, std::int64_t>> seen, expected;
    const auto observed = net.model->forward_observed(
        x, [&](const std::string& layer, const torch::Tensor& t) { seen.emplace_back(layer, t.size(1)); });
    for (const auto& c : net.model->convolutions()) expected.emplace_back(c.name, c.channels);
    std::sort(seen.begin(), seen.end());
    std::sort(expected.begin(), expected.end());
    CHECK(seen == expected);
    CHECK(at::equal(observed, net.model->forward(x)));
  }
}
