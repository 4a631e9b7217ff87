#include "engine/workspace.hpp"

#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

TEST_CASE("gather normalises the rows it is asked for") {
  Lane lane;
  const auto order = lane.workspace->upload({5, 3, 9, 3});
  const auto batch = lane.workspace->gather(order, 1, 3);
  REQUIRE(batch.images.sizes() == at::IntArrayRef({3, 1, 8, 8}));
  const std::int64_t expected_rows[] = {3, 9, 3};
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto row = expected_rows[i];
    CHECK(batch.labels[i].item<std::int64_t>() == lane.images->labels[static_cast<std::size_t>(row)]);
    const auto image = batch.images[i].flatten().contiguous();
    for (std::int64_t k = 0; k < 64; ++k) {
      const double pixel = lane.images->pixels[static_cast<std::size_t>(row * 64 + k)];
      REQUIRE(image.data_ptr<float>()[k] == doctest::Approx((pixel / 255 - 0.5) / 0.5).epsilon(1e-6));
    }
  }
}

TEST_CASE("what GPUs normalise with agrees with the CPU's table") {
  const auto pixels = torch::arange(256, torch::kInt64).to(torch::kUInt8).view({4, 1, 8, 8});
  const auto x = engine::normalised(pixels);
  CHECK((x.scalar_type() == torch::kFloat32));
  REQUIRE(x.sizes() == pixels.sizes());
  const auto exact = (pixels.to(torch::kFloat64) / 255 - 0.5) / 0.5;
  CHECK(test::largest(x.to(torch::kFloat64) - exact) < 2e-7);
}

TEST_CASE("a batch that is kept is not overwritten by the next one") {
  Lane lane;
  const auto order = lane.workspace->upload(*test::rows(0, 20));
  const auto first = lane.workspace->gather(order, 0, 10);
  const auto copy = first.images.clone();
  const auto second = lane.workspace->gather(order, 10, 10);
  CHECK(at::equal(first.images, copy));
  CHECK_FALSE(at::equal(first.images, second.images));
}

TEST_CASE("the flat tensors are the model's parameters and gradients") {
  Lane lane("cnn_small");
  auto& w = *lane.workspace;
  w.load(*lane.initial);
  CHECK(at::equal(w.parameters(), lane.initial->values));
  const auto order = w.upload(*test::rows(0, 8));
  const auto batch = w.gather(order, 0, 8);
  w.gradients().zero_();
  at::cross_entropy_loss(w.net().forward(batch.images), batch.labels).backward();
  std::vector<torch::Tensor> parameters, gradients;
  for (auto& [name, p] : w.net().named_parameters()) {
    parameters.push_back(p.detach().flatten());
    gradients.push_back(p.grad().flatten());
  }
  CHECK(at::equal(torch::cat(parameters), w.parameters()));
  CHECK(at::equal(torch::cat(gradients), w.gradients()));
  CHECK(test::largest(w.gradients()) > 0);
}

TEST_CASE("difference makes a new vector that later work does not touch") {
  Lane lane;
  auto& w = *lane.workspace;
  w.load(*lane.initial);
  w.parameters().add_(1);
  const auto difference = w.difference(lane.initial), whole = w.difference(nullptr);
  w.parameters().zero_();
  w.buffers().zero_();
  CHECK(test::largest(difference->values - 1) < 1e-6);
  CHECK(at::equal(whole->values, lane.initial->values + 1));
}

TEST_CASE("the momentum buffer is zeroed each time it is asked for, and stays where it is") {
  Lane lane;
  auto& first = lane.workspace->momentum();
  first.fill_(3);
  const auto* where = first.data_ptr<float>();
  auto& second = lane.workspace->momentum();
  CHECK(second.data_ptr<float>() == where);
  CHECK(test::largest(second) == 0);
}

TEST_CASE("a resident pool keeps its images alive without copying them") {
  auto images = test::tiny_images(4);
  const auto* pixels = images->pixels.data();
  const auto first_label = images->labels[0];
  const auto pool = engine::make_resident(images, torch::kCPU);
  CHECK(pool->images.data_ptr<std::uint8_t>() == pixels);
  images.reset();
  CHECK(pool->labels[0].item<std::int64_t>() == first_label);
}

TEST_CASE("a version of another model is refused") {
  Lane lane, other("logreg");
  CHECK_THROWS_AS(lane.workspace->load(*other.initial), std::invalid_argument);
  CHECK_THROWS_AS(lane.workspace->difference(other.initial), std::invalid_argument);
}
