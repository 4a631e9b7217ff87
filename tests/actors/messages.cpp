#include <torch/types.h>

#include <caf/all.hpp>

#include "actors/messages.hpp"
#include "job/key.hpp"
#include "model/parameters.hpp"
#include "train/train_job.hpp"

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
  train::TrainExtras extras;
  extras.lr_factor = 0.5;
  extras.mask = vector();
  train::AuxiliaryHead auxiliary{nullptr, std::make_shared<const data::Indices>(data::Indices{3, 5}), 0.25,
                                 false};
  federate::TrainTask task{7,
                           12,
                           1,
                           5,
                           vector(),
                           std::make_shared<const train::TrainExtras>(extras),
                           std::make_shared<const train::AuxiliaryHead>(auxiliary)};
  const auto t = round_trip(system, task);
  CHECK(t.job == 7);
  CHECK(t.version == 12);
  REQUIRE(t.model);
  CHECK(model::sha256(t.model) == model::sha256(task.model));
  CHECK(t.honours == 5);
  REQUIRE(t.extras);
  CHECK(t.extras->lr_factor == 0.5);
  CHECK(model::sha256(t.extras->mask) == model::sha256(extras.mask));
  CHECK(!t.extras->fisher);
  REQUIRE(t.auxiliary);
  CHECK(*t.auxiliary->relabelled == data::Indices{3, 5});
  CHECK(t.auxiliary->gamma == 0.25);
  CHECK(!t.auxiliary->head);
  CHECK(!t.auxiliary->backbone);
  federate::Update update{3, 7, 12, 1, 100, 200, nullptr, nullptr};
  const auto u = round_trip(system, update);
  CHECK(u.client == 3);
  CHECK(u.passes == 200);
  CHECK(!u.delta);
  CHECK(u.parts.empty());
  update.parts = {vector(), nullptr};
  const auto parts = round_trip(system, update).parts;
  REQUIRE(parts.size() == 2);
  CHECK(model::sha256(parts[0]) == model::sha256(update.parts[0]));
  CHECK(!parts[1]);
}

TEST_CASE("the work that a task asks for travels with it") {
  caf::actor_system_config config;
  caf::actor_system system(config);
  train::TrainJob training;
  training.base = vector();
  training.epochs = 3;
  const auto job = std::make_shared<const job::Job>(training);
  const auto same = [&](const federate::JobPtr& other) {
    REQUIRE(other);
    CHECK(job::key_of("", *other) == job::key_of("", *job));
  };
  federate::CollectTask collect{1, 2, 30.5, job, 4};
  const auto c = round_trip(system, collect);
  CHECK((c.request == 1 && c.job == 2 && c.passes == 30.5 && c.version == 4));
  same(c.work);
  federate::EraseTask erase{1, true, 5, 60, job, 7};
  const auto e = round_trip(system, erase);
  CHECK((e.request == 1 && e.at_target && e.client == 5 && e.passes == 60 && e.version == 7));
  same(e.job);
  federate::CalibrateTask calibrate{federate::no_request, 8, 90, job, true};
  const auto k = round_trip(system, calibrate);
  CHECK((k.request == federate::no_request && k.base_version == 8 && k.passes == 90 && k.probe));
  same(k.job);
  federate::EraseTask nothing;  // as in timing-only runs
  CHECK(!round_trip(system, nothing).job);
}

TEST_CASE("a task whose job was damaged on its way is an error to who reads it") {
  caf::actor_system_config config;
  caf::actor_system system(config);
  federate::EraseTask erase;
  erase.job = std::make_shared<const job::Job>(train::TrainJob{});
  std::vector<char> buffer;
  caf::binary_serializer sink(system, buffer);
  REQUIRE(!sink(erase));
  buffer[buffer.size() - 40] ^= 1;
  caf::binary_deserializer source(system, buffer);
  federate::EraseTask read;
  const auto error = source(read);
  CHECK(to_string(error).find("damaged or truncated") != std::string::npos);
}
