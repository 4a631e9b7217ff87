#include "data/requests.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "config/scenario.hpp"
#include "data/federated.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;
using data::Indices;

namespace {

/// Clients by the labels of their training rows; rows are numbered from 0. The last `poisoned` rows of the
/// last client are poisoned copies.
data::FederatedData federation(const std::vector<std::vector<std::int64_t>>& labels,
                               std::int64_t poisoned = 0) {
  data::FederatedData d;
  auto pool = std::make_shared<data::Images>();
  for (const auto& client : labels) {
    Indices rows;
    for (auto label : client) {
      rows.push_back(pool->size());
      pool->labels.push_back(label);
    }
    d.clients.push_back({std::make_shared<const Indices>(std::move(rows)), nullptr});
  }
  d.class_names = {"a", "b", "c"};
  d.poisoned = poisoned;
  d.poisoned_begin = pool->size() - poisoned;
  d.backdoor_client = static_cast<std::int64_t>(labels.size()) - 1;
  d.pool = std::move(pool);
  return d;
}

config::Erasure of_client(std::int64_t client, std::int64_t at = 10) {
  config::Erasure e;
  e.client = client;
  e.at_update = at;
  return e;
}
config::Erasure part(std::int64_t client, double fraction, std::int64_t at = 10) {
  auto e = of_client(client, at);
  e.scope = config::Scope::samples;
  e.fraction = fraction;
  return e;
}
config::Erasure of_class(std::int64_t label, std::int64_t at = 10) {
  config::Erasure e;
  e.scope = config::Scope::data_class;
  e.label = label;
  e.at_update = at;
  return e;
}

std::vector<data::IndicesPtr> rows(const data::FederatedData& d, std::vector<config::Erasure> erasures) {
  config::Scenario s;
  s.erasures = std::move(erasures);
  return data::requested_rows(d, s);
}
std::string refusal(const data::FederatedData& d, std::vector<config::Erasure> erasures) {
  return message_of<DataError>([&] { rows(d, std::move(erasures)); });
}

std::int64_t poisoned_in(const data::FederatedData& d, const Indices& some) {
  return std::count_if(some.begin(), some.end(), [&](auto r) { return r >= d.poisoned_begin; });
}

}  // namespace

TEST_CASE("a part of a client's samples: the poisoned first, and never the same twice") {
  const auto d = federation({{0, 1}, std::vector<std::int64_t>(10, 0)}, 5);  // rows 2 to 11, poisoned 7 to 11
  const auto first = rows(d, {part(1, 0.4)}), three = rows(d, {part(1, 0.4), part(1, 0.3), part(1, 0.2)});
  CHECK(first[0]->size() == 4);
  CHECK(poisoned_in(d, *first[0]) == 4);
  CHECK(*three[0] == *first[0]);  // what comes later changes nothing
  CHECK(three[1]->size() == 3);
  CHECK(poisoned_in(d, *three[1]) == 1);  // the last of them
  CHECK(three[2]->size() == 2);
  std::set<std::int64_t> all;
  for (const auto& r : three) {
    CHECK(std::is_sorted(r->begin(), r->end()));
    all.insert(r->begin(), r->end());
  }
  CHECK(all.size() == 9);
  CHECK(*all.begin() >= 2);
  CHECK(data::rows_without(d.clients[1].train, three)->size() == 1);
  // Another client's requests are its own affair.
  CHECK(*rows(d, {part(0, 0.5), part(1, 0.4)})[1] == *first[0]);
}

TEST_CASE("a part that comes to nothing, or to all that is left, is refused") {
  const auto d = federation({{0}, {0, 1, 2, 0, 1}, {1, 2}});
  CHECK(
      refusal(d, {part(0, 0.5)}) ==
      "erasure[0].fraction: 0.5 of client 0's 1 training sample rounds to 1, and 1 are there; allowed is at "
      "least 1 and fewer than all (scope \"client\" erases all)");
  CHECK(contains(refusal(d, {part(1, 0.09)}), "0.09 of client 1's 5 training samples rounds to 0"));
  CHECK(contains(refusal(d, {part(1, 0.95)}), "rounds to 5, and 5 are there"));
  CHECK(contains(
      refusal(d, {part(1, 0.6), part(1, 0.3), part(1, 0.2)}),
      "erasure[1].fraction: 0.3 of client 1's 5 training samples rounds to 2, and 2 are there that no "
      "request before it takes"));
  // All that is wrong at once, a line each.
  const auto both = refusal(d, {part(0, 0.5), part(1, 0.4), part(1, 0.05)});
  CHECK(contains(both, "erasure[0]"));
  CHECK(contains(both, "\nerasure[2]"));
  CHECK_FALSE(contains(both, "erasure[1]"));

  config::Scenario s;
  s.erasures = {part(0, 0.5)};
  CHECK(contains(message_of<DataError>([&] { data::check_requested_counts(s, 1); }), "erasure[0].fraction"));
  CHECK_NOTHROW(data::check_requested_counts(s, 2));
  s.erasures.push_back(part(0, 0.5));
  CHECK(contains(message_of<DataError>([&] { data::check_requested_counts(s, 10); }), "erasure[1].fraction"));
}

TEST_CASE("a class is everybody's, and must be somebody's") {
  const auto d = federation({{0, 1, 1}, {1, 0}});
  CHECK(*rows(d, {of_class(1)})[0] == Indices{1, 2, 3});
  CHECK(refusal(d, {of_class(2)}) ==
        "erasure[0].class: no client trains on a sample of class 2: nothing is to be forgotten");
  CHECK(contains(refusal(d, {of_class(99)}), "erasure[0].class: value is 99, allowed 0 to 2"));
}

TEST_CASE("requests that together leave a client without samples are refused") {
  const auto d = federation({{0, 1, 2}, {0, 2, 2, 0}, {1, 1, 0}, {0, 2}});
  CHECK_NOTHROW(rows(d, {of_class(0)}));
  CHECK(
      refusal(d, {of_class(0), of_class(2)}) ==
      "erasure[0] and erasure[1]: together they take all 4 training samples of client 1 and 1 more; allowed "
      "is to leave every client that goes on at least one");
  CHECK(contains(refusal(federation({{0, 1}, {1, 1}}), {of_class(1)}),
                 "erasure[0]: it takes all 2 training samples of client 1;"));
  // A class and a part of the rest; whichever comes first.
  const auto two = federation({{0, 1}, {0, 1, 1}});
  const auto last = rows(two, {part(0, 0.5)})[0]->front();  // 0 or 1, which is the label too
  CHECK(contains(refusal(two, {part(0, 0.5), of_class(1 - last)}), "client 0"));
  CHECK_NOTHROW(rows(two, {part(0, 0.5), of_class(last)}));
}

TEST_CASE("a client that leaves before may lose its last samples afterwards") {
  const auto d = federation({{0, 0}, {0, 1, 2}});
  CHECK_NOTHROW(rows(d, {of_client(0, 5), of_class(0, 6)}));
  CHECK_NOTHROW(rows(d, {of_client(0, 5), of_class(0, 5)}));  // in the scenario's order
  CHECK(contains(refusal(d, {of_class(0, 5), of_client(0, 5)}), "client 0"));
  CHECK(contains(refusal(d, {of_client(0, 6), of_class(0, 5)}), "client 0"));
  auto in_time = of_class(0);
  in_time.at_update = -1;
  in_time.at_seconds = 100;
  CHECK(contains(refusal(d, {of_client(0, 5), in_time}), "client 0"));  // which comes first nobody knows
}

TEST_CASE("a client asked for twice, or wholly and then in part, has the same rows") {
  const auto d = federation({{0, 1, 2, 0}, {0, 1}});
  const auto all = rows(d, {of_client(0), of_client(0), part(0, 0.5)});
  CHECK(all[0] == d.clients[0].train);
  CHECK(all[1] == d.clients[0].train);
  CHECK(all[2]->size() == 2);
}

TEST_CASE("rows without those of requests") {
  const auto all = std::make_shared<const Indices>(Indices{1, 4, 6, 9});
  const auto some = std::make_shared<const Indices>(Indices{4, 5}), none = std::make_shared<const Indices>();
  CHECK(*data::rows_without(all, {some}) == Indices{1, 6, 9});
  CHECK(data::rows_without(all, {none}) == all);
  CHECK(data::rows_without(all, {some, all})->empty());
}

TEST_CASE("only what has all poisoned copies covers the backdoor") {
  const auto d = federation({{0, 1}, {0, 1, 0, 1}}, 2);  // rows 4 and 5
  CHECK(data::covers_backdoor(d, {2, 3, 4, 5}));
  CHECK(data::covers_backdoor(d, {4, 5}));
  CHECK_FALSE(data::covers_backdoor(d, {2, 3, 4}));
  CHECK_FALSE(data::covers_backdoor(d, {0, 1}));
  CHECK_FALSE(data::covers_backdoor(federation({{0}}), {0}));
}
