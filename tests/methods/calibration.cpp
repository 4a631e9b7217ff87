// What procedures share: the version without the target's contributions (src/aggregate/README.md, Ledger).
#include "methods/calibration.hpp"

#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "engine/kernel_job.hpp"
#include "tests/methods/support.hpp"

using namespace afu;
using test::Asked;

namespace {

/// Coefficient of `v` in the combination.
double of(const engine::Combination& c, const model::ParametersPtr& v) {
  double sum = c.start == v ? c.keep : 0;
  for (const auto& t : c.terms) sum += t.vector == v ? t.coefficient : 0;
  return sum;
}

struct Erased : Asked {
  aggregate::Tracked target;
  explicit Erased(const std::string& method) : Asked(method) {
    view.initial = test::some_model();
    target.contributions = 3;
    target.influence = test::some_model();
    target.weight = 0.5;
    target.all_weights = 2;
    view.target = &target;
  }
};

}  // namespace

TEST_CASE("without the target: lazily, or rescaled about the initial model by N / (N - 1)") {
  Erased e("kd");
  auto c = methods::without_target(e.view, false);
  CHECK(of(c, e.view.model) == 1);
  CHECK(of(c, e.target.influence) == -1);
  CHECK(of(c, e.view.initial) == 0);
  c = methods::without_target(e.view, true);  // a quarter of the weight: 4 / 3
  CHECK(of(c, e.view.model) == doctest::Approx(4 / 3.0));
  CHECK(of(c, e.target.influence) == doctest::Approx(-4 / 3.0));
  CHECK(of(c, e.view.initial) == doctest::Approx(-1 / 3.0));
  e.target.all_weights = e.target.weight;  // nobody else: the initial model
  CHECK(of(methods::without_target(e.view, true), e.view.model) == 1);
  e.target.accumulator = test::some_model();
  e.target.mass = 0.2;
  for (bool rescaled : {false, true}) {
    c = methods::without_target(e.view, rescaled);
    CHECK(of(c, e.view.model) == doctest::Approx(1.25));
    CHECK(of(c, e.target.accumulator) == doctest::Approx(-1.25));
  }
  e.target.contributions = 0;
  CHECK(of(methods::without_target(e.view, true), e.view.model) == 1);
  CHECK(methods::without_target(e.view, true).terms.empty());
}

TEST_CASE("kd and pga take the form that their options name") {
  const auto initial_part = [](const char* method, const char* option, const config::Value& value) {
    Erased e(method);
    e.set(option, value);
    methods::Request request;
    request.client = 0;
    request.coordination = methods::Coordination::concurrent;
    request.forget_count = 10;
    const auto procedure = methods::find_method(method).start(request);
    const auto step = procedure->next(e.view, nullptr);
    const auto& job = *std::get<methods::Erase>(step).job.as<job::KernelJob>();
    return of(job.derived.at(0), e.view.initial);
  };
  CHECK(initial_part("kd", "subtraction", std::string("lazy")) == 0);
  CHECK(initial_part("kd", "subtraction", std::string("rescaled")) == doctest::Approx(-1 / 3.0));
  CHECK(initial_part("pga", "rescale", false) == 0);
  CHECK(initial_part("pga", "rescale", true) == doctest::Approx(-1 / 3.0));
}

TEST_CASE("pga's stop by accuracy: on the target's held-out samples, at a cost, and not without any") {
  Erased e("pga");
  methods::Request request;
  request.client = 0;
  request.coordination = methods::Coordination::concurrent;
  request.forget_count = 64;
  const auto erase = [&] {
    return std::get<methods::Erase>(methods::find_method("pga").start(request)->next(e.view, nullptr));
  };
  const auto without = erase();
  CHECK(without.job.as<job::KernelJob>()->samples.size() == 1);
  CHECK(without.passes == 64 * 5);
  e.view.target_holdout = test::some_rows({1, 2, 3, 4, 5, 6});
  e.set("stop_accuracy", 0.12);
  const auto with = erase();
  CHECK(with.job.as<job::KernelJob>()->samples.at(1) == e.view.target_holdout);
  CHECK(with.passes == doctest::Approx(320 + 320 / 32.0 * 6 / 3));
  CHECK(e.complaints().empty());
  e.scenario.partition.holdout_fraction = 0;
  CHECK(e.complaints().count("unlearning.pga.stop_accuracy") == 1);
}
