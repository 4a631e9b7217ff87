// The server without actors: what one erasure asks of several clients, and requests that share a ledger's entry.
#include <algorithm>

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
/// The bare subtraction, and nothing behind it.
const std::vector<std::string> bare{"unlearning.method=afu_ic", "calibration.steps=0",
                                    "calibration.window_steps=0"};

std::string request(const std::string& what, int at) {
  return "[[erasure]]\n" + what + "\nat_update = " + std::to_string(at) + "\n";
}
std::string named(int client, int at) {
  return request("scope = \"samples\"\nfile = \"ids.csv\"\nclient = " + std::to_string(client), at);
}

std::int64_t restarts(const Server& s) {
  return std::count_if(s.decisions.begin(), s.decisions.end(),
                       [](const auto& d) { return d.kind == record::Decision::Kind::restarted; });
}

/// What an erasure's job makes.
double erased(Server& s, std::size_t i) {
  return s.lane.run(*s.erasures.at(i).job).outputs.at(0)->values[0].item<double>();
}

}  // namespace

TEST_CASE("samples of two clients by one name: one retraining is without both") {
  Server s(settings + named(0, 2) + named(1, 2), {"unlearning.method=retrain"}, true,
           {test::rows(0, 10), test::rows(100, 110)});
  s.update(2, 0), s.update(3, 0);
  CHECK(restarts(s) == 1);
  CHECK(s.tasks.at(0).honours == 1);
  CHECK(s.tasks.at(1).honours == 2);
  CHECK(s.tasks.at(2).honours == 0);
  s.update(0, 0), s.update(1, 0);
  CHECK(restarts(s) == 1);
  const auto o = s.server->outcome();
  REQUIRE(o.erasures.size() == 2);
  REQUIRE(o.erasures[0].record.forgotten_at);
  CHECK(o.erasures[1].record.outcome == record::RequestOutcome::merged);
  CHECK(o.erasures[1].record.forgotten_at == o.erasures[0].record.forgotten_at);
  CHECK(o.erasures[0].record.file == "ids.csv");

  // At another time it is another request, with a retraining of its own.
  Server apart(settings + named(0, 2) + named(1, 3), {"unlearning.method=retrain"}, true,
               {test::rows(0, 10), test::rows(100, 110)});
  for (std::uint32_t c : {2, 3, 2, 3, 0}) apart.update(c, 0);
  CHECK(restarts(apart) == 2);
}

TEST_CASE("two parts of one client at once: the ledger's entry is subtracted once") {
  Server s(settings + request("client = 0\nscope = \"samples\"\nfraction = 0.3", 2) +
               request("client = 0\nscope = \"samples\"\nfraction = 0.2", 2),
           bare, false, {test::rows(0, 30), test::rows(30, 50)});
  s.update(1, 2);
  const double without = s.model();
  s.update(0, 1);
  const double with = s.model();
  CHECK(with > without);
  REQUIRE(s.erasures.size() == 1);  // the other waits
  CHECK(erased(s, 0) == doctest::Approx(without - with));
  s.take(EraseResult{0, s.result(without - with)});
  CHECK(s.model() == doctest::Approx(without));
  CHECK(s.erasures.size() == 1);
  const auto o = s.server->outcome();
  CHECK(o.erasures.at(0).record.forgotten_at);
  CHECK(o.erasures.at(1).record.forgotten_at);
  CHECK(s.tasks.at(0).honours == 3);
}

TEST_CASE("a part asked for once the first is erased takes out what came since") {
  Server s(settings + request("client = 0\nscope = \"samples\"\nfraction = 0.3", 1) +
               request("client = 0\nscope = \"samples\"\nfraction = 0.2", 3),
           bare, false, {test::rows(0, 30), test::rows(30, 50)});
  s.update(0, 1);
  s.take(EraseResult{0, s.result(-s.model())});
  CHECK(s.model() == doctest::Approx(0));
  s.update(0, 1);
  const double own = s.model();
  CHECK(own > 0);
  s.update(1, 1);
  REQUIRE(s.erasures.size() == 2);
  CHECK(erased(s, 1) == doctest::Approx(-own));
}

TEST_CASE("a class is taken out with the contributions of all that have samples of it") {
  Server s(settings + request("scope = \"class\"\nclass = 1", 2) + request("scope = \"class\"\nclass = 2", 4),
           bare);
  s.update(0, 1), s.update(1, 2);
  const double before = s.model();
  REQUIRE(s.erasures.size() == 1);
  CHECK(s.erasures[0].at_target == false);
  CHECK(erased(s, 0) == doctest::Approx(-before));
  s.update(2, 3);  // without the class already: it stays
  const double since = s.model() - before;
  s.take(EraseResult{0, s.result(-before)});
  CHECK(s.model() == doctest::Approx(since));
  CHECK(s.server->outcome().erasures.at(0).record.updates_lost == 2);
  CHECK(s.server->outcome().erasures.at(0).record.forgotten_at);
  s.update(3, 1);
  REQUIRE(s.erasures.size() == 2);
  CHECK(erased(s, 1) == doctest::Approx(-s.model()));  // since then the first two have contributed nothing
}

TEST_CASE("what needs one target is refused for a class") {
  const auto refused = [](const std::string& key) {
    const std::string text =
        "[[erasure]]\nscope = \"class\"\nclass = 1\nat_update = 1\n[stop]\nupdates = 9\n";
    try {
      config::parse_scenario(text, "s.toml", {"unlearning.method=afu_ic", key}, methods::method_sections());
    } catch (const config::ConfigError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(refused("calibration.steps=20") == "");
  CHECK(refused("unlearning.afu_ic.erasure=uce").find("is computed at one target, a class has none") !=
        std::string::npos);
  CHECK(refused("unlearning.afu_ic.gain_by=layer").find("divides one target's entry") != std::string::npos);
  CHECK(refused("unlearning.afu_ic.match_steps=3").find("are taken at one target") != std::string::npos);
  CHECK(refused("calibration.research.guard_rank=2").find("sketch") != std::string::npos);
}
