#include "aggregate/history.hpp"

#include <torch/types.h>

#include "model/parameters.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::aggregate;

namespace {

model::ParametersPtr vector_of(float value) {
  static const auto layout = [] {
    auto l = std::make_shared<model::Layout>();
    l->parameters = {{"w", {3}, 0, 3}};
    l->parameter_count = 3;
    return l;
  }();
  return std::make_shared<const model::ParameterVector>(
      model::ParameterVector{layout, torch::full({3}, value), torch::empty({0})});
}
constexpr std::int64_t bytes_of_one = 12;

MergePlan plan(std::initializer_list<std::pair<std::uint32_t, double>> parts) {
  MergePlan p;
  for (auto [client, weight] : parts) {
    Arrival a;
    a.client = client;
    a.delta = vector_of(static_cast<float>(client));
    p.parts.push_back({std::move(a), weight});
  }
  return p;
}

}  // namespace

TEST_CASE("a history that nobody asked for holds nothing") {
  History h;
  h.record(plan({{0, 0.5}}), vector_of(0), vector_of(1), 1);
  CHECK(h.rounds().empty());
  CHECK(h.bytes() == 0);
}

TEST_CASE("each merge of a barrier rule is a round; every second one is kept") {
  HistoryNeeds needs;
  needs.rounds = needs.all_clients = true;
  needs.every = 2;
  History h(needs, {0}, 0);
  const auto first = vector_of(0);
  auto before = first;
  for (int r = 0; r < 5; ++r) {
    const auto after = vector_of(static_cast<float>(r + 1));
    h.record(plan({{0, 0.25}, {1, 0.75}}), before, after, static_cast<std::uint64_t>(r) + 1);
    before = after;
  }
  REQUIRE(h.rounds().size() == 3);
  CHECK(h.rounds()[1].number == 2);
  CHECK(h.first() == first);
  CHECK(h.rounds()[2].contributions.size() == 2);
  CHECK(h.rounds()[2].contributions[1].weight == 0.75);
  CHECK(h.bytes() == (1 + 3 * 2) * bytes_of_one);  // the first version, two updates a kept round

  h.forget(0);
  CHECK(h.rounds()[0].contributions.size() == 1);
  CHECK(h.rounds()[0].contributions[0].client == 1);
  CHECK(h.bytes() == (1 + 3) * bytes_of_one);
  h.reset();
  CHECK(h.rounds().empty());
  CHECK(h.bytes() == 0);
}

TEST_CASE("an asynchronous rule's rounds are as many contributions as there are clients") {
  HistoryNeeds needs;
  needs.rounds = needs.models = true;
  History h(needs, {1}, 3);
  auto before = vector_of(0);
  for (std::uint32_t i = 0; i < 7; ++i) {
    const auto after = vector_of(static_cast<float>(i + 1));
    h.record(plan({{i % 2, 0.1}}), before, after, i + 1);
    before = after;
  }
  REQUIRE(h.rounds().size() == 2);  // the seventh opened a round that is not complete
  const auto& r = h.rounds()[1];
  CHECK(r.start == h.rounds()[0].end);
  CHECK(r.start->values[0].item<float>() == 3);
  CHECK(r.end->values[0].item<float>() == 6);
  CHECK(r.contributions.size() == 3);
  for (const auto& c : r.contributions) CHECK((c.delta != nullptr) == (c.client == 1));  // only who may ask
}

TEST_CASE("a history that is taken back goes on from there, and what came later is forgotten") {
  HistoryNeeds needs;
  needs.rounds = needs.models = needs.all_clients = true;
  History h(needs, {0}, 2);
  std::vector<model::ParametersPtr> versions{vector_of(0)};
  const auto merge = [&](std::uint64_t version) {
    const auto before = versions.back();
    versions.push_back(vector_of(static_cast<float>(version)));
    h.record(plan({{version % 2 == 0, 0.5}}), before, versions.back(), version);
  };
  for (std::uint64_t v = 1; v <= 7; ++v) merge(v);  // rounds end with 2, 4 and 6; the fourth is open
  REQUIRE(h.rounds().size() == 3);
  CHECK(h.first_version() == 0);
  CHECK(h.rounds()[1].end_version == 4);
  h.rewind(4);
  REQUIRE(h.rounds().size() == 2);
  CHECK(h.unfinished(0) == 0);
  CHECK(h.bytes() == (1 + 2 + 4) * bytes_of_one);  // the first version, two rounds' ends, their updates
  versions.push_back(h.rounds()[1].end);
  merge(9), merge(10);
  REQUIRE(h.rounds().size() == 3);
  CHECK(h.rounds()[2].number == 2);
  CHECK(h.rounds()[2].end_version == 10);
  h.rewind(0);
  CHECK(h.rounds().empty());
  CHECK_FALSE(h.begun());
  merge(12);
  CHECK(h.first_version() == 11);
}
