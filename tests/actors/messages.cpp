#include <torch/types.h>

#include <caf/all.hpp>

#include "actors/messages.hpp"
#include "model/parameters.hpp"

#include <doctest/doctest.h>

using namespace afu;

namespace {
model::ParametersPtr vector() {
  auto layout = std::make_shared<model::Layout>();
  layout->parameters = {{"w", {2, 3}, 0, 6}};
  layout->parameter_count = 6;
  return std::make_shared<const model::ParameterVector>(
      model::ParameterVector{layout, torch::arange(6, torch::kFloat), torch::empty({0})});
}
template <class T>
T round_trip(caf::actor_system& sys, T& x) {
  std::vector<char> buffer;
  caf::binary_serializer sink(sys, buffer);
  REQUIRE(!sink(x));
  caf::binary_deserializer source(sys, buffer);
  T y;
  REQUIRE(!source(y));
  return y;
}
}  // namespace

TEST_CASE("tasks and updates travel as bytes") {
  caf::actor_system_config config;
  caf::actor_system system(config);
  federate::TrainTask task{7, 12, 1, 1, vector()};
  const auto t = round_trip(system, task);
  CHECK(t.job == 7);
  CHECK(t.version == 12);
  REQUIRE(t.model);
  CHECK(model::sha256(t.model) == model::sha256(task.model));
  federate::Update update{3, 7, 12, 1, 100, 200, nullptr};
  const auto u = round_trip(system, update);
  CHECK(u.client == 3);
  CHECK(u.passes == 200);
  CHECK(!u.delta);
}
