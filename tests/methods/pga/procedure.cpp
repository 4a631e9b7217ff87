// PGA's reference, by the server without actors.
#include <string>
#include <vector>

#include "engine/combine_job.hpp"
#include "engine/kernel_job.hpp"
#include "tests/federate/server.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

std::string fedavg(const std::string& when) {
  return "[training]\nrule = \"fedavg\"\n[unlearning]\nmethod = \"pga\"\n[[erasure]]\nclient = 0\n" + when +
         "\n[[erasure]]\nclient = 1\nat_update = 900\n";
}

/// w_ref and the target's last model, as the job would have them computed.
std::vector<double> derived(Server& s, const EraseTask& task) {
  const auto& job = *task.job->as<job::KernelJob>();
  std::vector<double> values;
  for (const auto& v : s.lane.run(engine::CombineJob{job.derived}).outputs)
    values.push_back(v->values[0].item<double>());
  return values;
}

}  // namespace

TEST_CASE("pga after a FedAvg round starts from the mean of the others' models in it") {
  Server s(fedavg("at_round = 1"), {"unlearning.coordination=concurrent"}, false,
           {test::rows(0, 4), test::rows(4, 8)});
  for (std::uint32_t c = 0; c < 4; ++c) s.update(c, 1 + c);
  REQUIRE(s.erasures.size() == 1);
  const auto w = derived(s, s.erasures[0]);
  CHECK(w.at(0) == doctest::Approx((2 + 3 + 4) / 3.0).epsilon(1e-6));
  CHECK(w.at(1) == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE("pga asked for in mid-round: the round that is drained has no model of the target's") {
  Server s(fedavg("at_update = 5"), {}, false, {test::rows(0, 4), test::rows(4, 8)});
  for (std::uint32_t c = 0; c < 4; ++c) s.update(c, 1 + c);  // w = 2.5
  s.update(1, 2);
  CHECK(s.erasures.empty());
  s.update(2, 4), s.update(3, 6);
  REQUIRE(s.erasures.size() == 1);
  const auto w = derived(s, s.erasures[0]);
  CHECK(w.at(0) == doctest::Approx(2.5 + 4).epsilon(1e-6));
  CHECK(w.at(1) == doctest::Approx(1).epsilon(1e-6));  // what it sent last, which the stop looks at
}

TEST_CASE("pga after another erasure: what that did to the model is not scaled up") {
  Server s(fedavg("at_round = 1"), {"unlearning.coordination=concurrent"}, false,
           {test::rows(0, 4), test::rows(4, 8)});
  for (std::uint32_t c = 0; c < 4; ++c) s.update(c, 1 + c);
  REQUIRE(s.erasures.size() == 1);
  s.take(EraseResult{0, s.result(5)});
  CHECK(s.model() == doctest::Approx(7.5));
  s.take(EraseRequest{1});
  REQUIRE(s.erasures.size() == 2);
  CHECK(derived(s, s.erasures[1]).at(0) == doctest::Approx((1 + 3 + 4) / 3.0 + 5).epsilon(1e-6));
}

TEST_CASE("pga at a target that was alone in the last round starts from that round's base") {
  Server s(fedavg("at_update = 901"), {"unlearning.coordination=concurrent", "training.clients_per_round=1"},
           false, {test::rows(0, 4), test::rows(4, 8)});
  std::uint32_t last = 9;
  for (int round = 0; round < 100 && last != 0; ++round)
    for (std::uint32_t c = 0; c < 4; ++c)
      if (s.tasks.count(c) && s.tasks.at(c).version == s.server->evaluation(0).row.version) {
        s.update(last = c, 1);
        break;
      }
  REQUIRE(last == 0);
  const double now = s.model();
  s.take(EraseRequest{0});
  REQUIRE(s.erasures.size() == 1);
  CHECK(derived(s, s.erasures[0]).at(0) == doctest::Approx(now - 1).epsilon(1e-6));
}

TEST_CASE("pga where differences are added starts from the model without their sum") {
  Server s(
      "[training]\nserver_lr = 0.5\nstaleness = \"constant\"\nweight_by_samples = "
      "false\n[unlearning]\nmethod = \"pga\"\n[[erasure]]\nclient = 0\nat_update = 3\n",
      {"unlearning.coordination=concurrent"}, false, {test::rows(0, 4)});
  s.update(0, 4), s.update(1, 2), s.update(0, -1);
  REQUIRE(s.erasures.size() == 1);
  CHECK(derived(s, s.erasures[0]).at(0) == doctest::Approx(0.5 * 2).epsilon(1e-6));
}
