#include "metrics/sets.hpp"

#include <algorithm>
#include <cmath>

#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "data/federated.hpp"
#include "data/requests.hpp"
#include "metrics/evaluate_job.hpp"

#include <doctest/doctest.h>

using namespace afu;

namespace {

struct Built {
  config::Scenario scenario;
  data::FederatedData data;
  std::vector<data::IndicesPtr> forget;
  std::shared_ptr<const metrics::EvaluationSets> sets;

  explicit Built(const std::string& erasures, const std::vector<std::string>& set = {}) {
    const std::string text = R"(
[data]
image_size = 12
classes = 3
train_samples = 400
val_samples = 60
test_samples = 60
[data.backdoor]
trigger = "patch"
client = 1
label = 0
[partition]
clients = 4
[stop]
updates = 40
)";
    scenario = config::parse_scenario(text + erasures, "sets.toml", set, {{"afu_ic", "", {}}});
    data = data::federate(data::load_source(scenario.data, 1, ""), scenario);
    forget = data::requested_rows(data, scenario);
    sets = metrics::evaluation_sets(data, scenario, forget);
  }
  /// The share of poisoned ones: trained on, or held out (those of the client's that were not before).
  double poison(const data::Indices& rows) const {
    const auto& own = *data.clients[1].holdout;
    const auto& mixed = *data.poisoned_holdout;
    const auto n = std::count_if(rows.begin(), rows.end(), [&](std::int64_t r) {
      return (r >= data.poisoned_begin && r < data.poisoned_begin + data.poisoned) ||
             (std::binary_search(mixed.begin(), mixed.end(), r) &&
              !std::binary_search(own.begin(), own.end(), r));
    });
    return static_cast<double>(n) / static_cast<double>(rows.size());
  }
};

std::string part(double fraction, int at) {
  return "[[erasure]]\nclient = 1\nscope = \"samples\"\nfraction = " + std::to_string(fraction) +
         "\nat_update = " + std::to_string(at) + "\n";
}

}  // namespace

TEST_CASE("sets: the forget set of two requests is both their rows, and each has its own") {
  const Built b("[[erasure]]\nclient = 1\nat_update = 9\n[[erasure]]\nclient = 3\nat_update = 9\n");
  REQUIRE(b.sets->requests.size() == 2);
  CHECK(*b.sets->requests[0].forget == *b.data.clients[1].train);
  CHECK(*b.sets->requests[1].forget == *b.data.clients[3].train);
  CHECK(b.poison(*b.sets->requests[0].holdout) ==
        doctest::Approx(b.poison(*b.sets->requests[0].forget)).epsilon(0.05));
  CHECK(*b.sets->requests[1].holdout == *b.data.clients[3].holdout);
  data::Indices both;
  std::merge(b.data.clients[1].train->begin(), b.data.clients[1].train->end(),
             b.data.clients[3].train->begin(), b.data.clients[3].train->end(), std::back_inserter(both));
  CHECK(*b.sets->forget == both);
  CHECK(b.poison(*b.sets->holdout) == doctest::Approx(b.poison(both)).epsilon(0.05));
  CHECK(b.sets->requests[0].backdoor);
  CHECK_FALSE(b.sets->requests[1].backdoor);
  CHECK(static_cast<std::int64_t>(b.sets->requests[0].poisoned->size()) == b.data.poisoned);
  CHECK((b.sets->requests[1].poisoned == nullptr));
}

TEST_CASE("sets: the forget set of a part is the rows that go, and no row that stays") {
  const Built b(part(0.3, 9));
  CHECK(*b.sets->forget == *b.forget[0]);
  CHECK(b.sets->forget->size() == 26);  // of 85
  CHECK(b.poison(*b.sets->forget) > 0.2);
  CHECK(b.poison(*b.sets->holdout) == doctest::Approx(b.poison(*b.sets->forget)).epsilon(0.05));
  CHECK(*b.sets->holdout == *b.sets->requests[0].holdout);
  CHECK(std::is_sorted(b.sets->holdout->begin(), b.sets->holdout->end()));
  // More poison than that: what the backdoor does afterwards is the work of samples that stay.
  CHECK(b.data.poisoned > 26);
  CHECK_FALSE(b.sets->requests[0].backdoor);
  REQUIRE((b.sets->requests[0].poisoned != nullptr));  // those that go, which come first, and nobody else's
  CHECK(*b.sets->requests[0].poisoned == *b.forget[0]);
  CHECK(Built(part(0.7, 9)).sets->requests[0].backdoor);
  // Two parts, which have it between them: neither alone.
  const Built two(part(0.3, 9) + part(0.4, 12));
  CHECK_FALSE(two.sets->requests[0].backdoor);
  CHECK_FALSE(two.sets->requests[1].backdoor);
  CHECK(two.sets->forget->size() == two.forget[0]->size() + two.forget[1]->size());
}

TEST_CASE("sets: a class has everybody's rows of it, and everybody's held-out ones") {
  const Built b("[[erasure]]\nscope = \"class\"\nclass = 2\nat_update = 9\n");
  std::size_t held = 0;
  for (const auto& c : b.data.clients)
    for (auto r : *c.holdout) held += b.data.pool->labels[static_cast<std::size_t>(r)] == 2;
  CHECK(b.sets->requests[0].holdout->size() == held);
  CHECK(*b.sets->holdout == *b.sets->requests[0].holdout);
  for (auto r : *b.sets->test) CHECK(b.data.pool->labels[static_cast<std::size_t>(r)] != 2);
  for (auto r : *b.sets->retain) CHECK(b.data.pool->labels[static_cast<std::size_t>(r)] != 2);
  CHECK_FALSE(b.sets->requests[0].backdoor);
  // The poisoned copies carry class 0.
  CHECK(Built("[[erasure]]\nscope = \"class\"\nclass = 0\nat_update = 9\n").sets->requests[0].backdoor);
}

TEST_CASE(
    "a set's labels: the classes that occur, the share of the largest, and the loss of who answers with "
    "shares") {
  auto pool = std::make_shared<data::Images>();
  pool->labels = {2, 0, 2, 2, 5, 5, 0, 1};
  data::FederatedData data;
  data.pool = pool;
  const auto rows = [](data::Indices r) { return std::make_shared<const data::Indices>(std::move(r)); };
  const auto s = metrics::set_labels(data, rows({0, 1, 2, 3, 4, 5, 6}));  // 3 of class 2, 2 of 0 and of 5
  REQUIRE(s);
  CHECK(s->samples == 7);
  CHECK(s->classes == 3);
  CHECK(s->majority_share == doctest::Approx(3.0 / 7));
  CHECK(s->entropy == doctest::Approx(std::log(7.0) - (3 * std::log(3.0) + 4 * std::log(2.0)) / 7));
  const auto one = metrics::set_labels(data, rows({0, 2}));
  CHECK(one->classes == 1);
  CHECK(one->majority_share == 1);
  CHECK(one->entropy == 0);
  CHECK_FALSE(metrics::set_labels(data, rows({})));
  CHECK_FALSE(metrics::set_labels(data, nullptr));
}

TEST_CASE(
    "sets: groups are each client's held-out samples, and each site's test images, without classes that are to go") {
  const std::string ask = "[[erasure]]\nclient = 1\nat_update = 9\n";
  CHECK(Built(ask).sets->groups.empty());
  const Built b(ask, {"evaluation.by_client=true"});
  REQUIRE(b.sets->groups.size() == 4);
  for (std::size_t c = 0; c < 4; ++c) {
    const auto& g = b.sets->groups[c];
    CHECK(g.set == "holdout");
    CHECK(g.client == static_cast<std::int64_t>(c));
    CHECK(g.site.empty());
    CHECK(*g.rows == *b.data.clients[c].holdout);  // the clean ones: the target's too
  }
  const Built scanned(ask, {"evaluation.by_client=true", "partition.shift.noise=0.1"});
  REQUIRE(scanned.sets->groups.size() == 8);
  data::Indices tested;
  for (std::size_t c = 0; c < 4; ++c) {
    const auto& g = scanned.sets->groups[4 + c];
    CHECK(g.set == "test");
    CHECK(g.client == static_cast<std::int64_t>(c));
    CHECK(g.site.empty());
    tested.insert(tested.end(), g.rows->begin(), g.rows->end());
  }
  std::sort(tested.begin(), tested.end());
  CHECK(tested == *scanned.sets->test);
  const Built label("[[erasure]]\nscope = \"class\"\nclass = 2\nat_update = 9\n",
                    {"evaluation.by_client=true"});
  REQUIRE(label.sets->groups.size() == 4);
  for (const auto& g : label.sets->groups)
    for (auto r : *g.rows) CHECK(label.data.pool->labels[static_cast<std::size_t>(r)] != 2);
}
