// PGA's reference, by the server without actors and by itself.
#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "methods/pga/job.hpp"
#include "tests/federate/server.hpp"
#include "tests/methods/support.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

std::string fedavg(const std::string& when) {
  return "[training]\nrule = \"fedavg\"\n[unlearning]\nmethod = \"pga\"\n[[erasure]]\nclient = 0\n" + when +
         "\n[[erasure]]\nclient = 1\nat_update = 900\n";
}

/// w_ref and, where there is one, the target's last model, as the job computes them.
std::vector<double> derived(Server& s, const EraseTask& task) {
  const auto& job = *task.job->as<methods::PgaJob>();
  engine::CombineJob both{{job.reference}};
  if (job.last) both.outputs.push_back(*job.last);
  std::vector<double> values;
  for (const auto& v : s.lane.run(both).outputs) values.push_back(v->values[0].item<double>());
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

TEST_CASE("pga where differences are added scales the others' up where it is told to") {
  const auto initial_part = [](bool rescale) {
    test::Erased e("pga");
    e.set("rescale", rescale);
    methods::Request request;
    request.client = 0;
    request.coordination = methods::Coordination::concurrent;
    request.forget_count = 10;
    const auto step = methods::find_method("pga").start(request)->next(e.view, nullptr);
    return test::of(std::get<methods::Erase>(step).job.as<methods::PgaJob>()->reference, e.view.initial);
  };
  CHECK(initial_part(false) == 0);
  CHECK(initial_part(true) == doctest::Approx(-1 / 3.0));
}

TEST_CASE("pga's stop by accuracy: on the target's held-out samples, at a cost, and not without any") {
  test::Erased e("pga");
  methods::Request request;
  request.client = 0;
  request.coordination = methods::Coordination::concurrent;
  request.forget_count = 64;
  const auto erase = [&] {
    return std::get<methods::Erase>(methods::find_method("pga").start(request)->next(e.view, nullptr));
  };
  const auto without = erase();
  CHECK(without.job.as<methods::PgaJob>()->validation == nullptr);
  CHECK(without.passes == 64 * 5);
  e.view.target_holdout = test::some_rows({1, 2, 3, 4, 5, 6});
  e.set("stop_accuracy", 0.12);
  const auto with = erase();
  CHECK(with.job.as<methods::PgaJob>()->validation == e.view.target_holdout);
  CHECK(with.passes == doctest::Approx(320 + 320 / 32.0 * 6 / 3));
  CHECK(e.complaints().empty());
  e.scenario.partition.holdout_fraction = 0;
  CHECK(e.complaints().count("unlearning.pga.stop_accuracy") == 1);
}
