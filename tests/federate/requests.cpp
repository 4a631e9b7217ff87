// The server without actors: requests that cover what others have erased, and classes.
#include "server.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

const char* settings = R"(
[training]
server_lr = 1
staleness = "constant"
weight_by_samples = false
)";

std::string request(const std::string& what, int at) {
  return "[[erasure]]\n" + what + "\nat_update = " + std::to_string(at) + "\n";
}

/// The weight of the last update that was merged.
double last_merge(const Server& s) {
  double weight = 0;
  for (const auto& d : s.decisions)
    if (d.kind == record::Decision::Kind::merged) weight = d.weight;
  return weight;
}

}  // namespace

TEST_CASE("a class that is asked for twice is erased once") {
  Server s(settings + request("scope = \"class\"\nclass = 1", 1) +
               request("scope = \"class\"\nclass = 1", 2) + request("scope = \"class\"\nclass = 2", 3),
           {"unlearning.method=not"}, true);
  s.update(0, 0);
  REQUIRE(s.erasures.size() == 1);
  const auto first = s.tasks.at(1).job;
  s.update(1, 0);
  CHECK(s.erasures.size() == 1);      // nothing more is to be done for it,
  CHECK(s.tasks.at(2).job == first);  // and nobody's work is void
  s.take(EraseResult{0, nullptr});
  s.update(2, 0);
  CHECK(s.erasures.size() == 2);  // another class is another matter
  const auto o = s.server->outcome();
  REQUIRE(o.erasures.size() == 3);
  CHECK(o.erasures[0].record.forgotten_at);
  CHECK(*o.erasures[1].record.forgotten_at == *o.erasures[0].record.forgotten_at);
  CHECK_FALSE(o.erasures[2].record.forgotten_at);
  CHECK(o.erasures[1].record.label == 1);
  CHECK(o.erasures[1].record.scope == "class");
  CHECK(o.erasures[1].record.client == -1);
}

TEST_CASE("what is erased already is not erased once more at the target") {
  const auto two = settings + request("client = 0\nscope = \"samples\"\nfraction = 0.4", 1) +
                   request("client = 0", 2) + request("client = 0\nscope = \"samples\"\nfraction = 0.3", 3);
  Server s(two, {"unlearning.method=gradient_ascent"}, true,
           {test::rows(0, 40), test::rows(0, 100), test::rows(40, 70)});
  s.update(1, 0);
  REQUIRE(s.erasures.size() == 1);
  const double whole = s.erasures[0].passes / 40;  // of one sample
  s.take(EraseResult{0, nullptr});
  s.update(2, 0);
  REQUIRE(s.erasures.size() == 2);
  CHECK(s.erasures[1].passes == doctest::Approx(60 * whole));
  s.take(EraseResult{1, nullptr});
  s.update(3, 0);
  CHECK(s.erasures.size() == 2);
  const auto o = s.server->outcome();
  REQUIRE(o.erasures.size() == 3);
  CHECK(*o.erasures[2].record.merged_at == o.erasures[2].record.requested_at);
  // A request covers what it asks for, whatever others have taken of it.
  CHECK(o.erasures[0].record.samples == 40);
  CHECK(o.erasures[1].record.samples == 100);
  CHECK(o.erasures[2].record.samples == 30);
}

TEST_CASE("a part that classes have taken whole leaves nothing to be done") {
  Server s(settings + request("scope = \"class\"\nclass = 1", 1) +
               request("client = 0\nscope = \"samples\"\nfraction = 0.2", 2),
           {"unlearning.method=none"}, true, {test::rows(0, 50), test::rows(10, 30)});
  s.update(1, 0);
  const auto job = s.tasks.at(0).job;
  s.update(2, 0);
  CHECK(s.tasks.at(0).job == job);  // it goes on with what it has
  const auto o = s.server->outcome();
  REQUIRE(o.erasures.size() == 2);
  CHECK_FALSE(o.erasures[1].record.forgotten_at);  // by "none" nothing ever is
}

TEST_CASE("retraining without a class: all take part, and make all updates again") {
  Server s(settings + request("scope = \"class\"\nclass = 1", 5), {"unlearning.method=retrain"});
  for (std::uint32_t i = 0; i < 5; ++i) s.update(i % 4, 1);
  CHECK(s.model() == 0);  // the initial one
  for (const auto& [client, task] : s.tasks) CHECK(task.honours == 1);
  for (std::uint32_t i = 0; i < 4; ++i) s.update(i, 1);
  CHECK_FALSE(s.server->outcome().erasures.at(0).record.forgotten_at);
  s.update(0, 1);
  CHECK(s.server->outcome().erasures.at(0).record.forgotten_at);
  CHECK(s.server->outcome().erasures.at(0).record.lost_updates >= 3);
}

TEST_CASE("without a class, and nothing done to the model: the control") {
  Server s(settings + request("scope = \"class\"\nclass = 1", 2), {"unlearning.method=none"});
  s.update(0, 1), s.update(1, 1);
  const double before = s.model();
  CHECK(before != 0);
  for (const auto& [client, task] : s.tasks) CHECK(task.honours == 1);  // from the request on, all of them
  s.update(2, 1);
  CHECK(s.model() > before);
  CHECK(s.server->outcome().version == 3);
  CHECK_FALSE(s.server->outcome().erasures.at(0).record.merged_at);
}

TEST_CASE("a retraining weighs updates by the mean of those that take part in it") {
  const std::string text =
      "[training]\nserver_lr = 0.5\nstaleness = \"constant\"\n[unlearning]\nmethod = \"retrain\"\n";
  const std::vector<std::uint32_t> samples{400, 100, 100, 100};
  Server whole(text + request("client = 0", 1), {}, false, {}, samples);
  whole.update(1, 1);  // 100 of 175 on average, and then of 100
  CHECK(whole.decisions.at(0).weight == doctest::Approx(0.5 * 100 / 175));
  whole.update(2, 1);
  CHECK(whole.model() == doctest::Approx(0.5));
  // With the other half of the target's samples it is 125 on average.
  Server part(text + request("client = 0\nscope = \"samples\"\nfraction = 0.5", 1), {}, true, {}, samples);
  part.update(1, 1), part.update(2, 1);
  CHECK(last_merge(part) == doctest::Approx(0.5 * 100 / 125));
  // In aso_fed all samples count, of which the target has none any more.
  Server all(
      "[training]\nrule = \"aso_fed\"\n[unlearning]\nmethod = \"retrain\"\n" + request("client = 0", 1), {},
      false, {}, samples);
  all.update(1, 1), all.update(2, 1);
  CHECK(last_merge(all) == doctest::Approx(100.0 / 300));
}
