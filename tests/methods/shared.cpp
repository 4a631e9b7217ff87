// What procedures share: the version without the target's contributions (src/aggregate/README.md, Ledger).
#include "methods/shared.hpp"

#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "methods/kd/job.hpp"
#include "tests/methods/support.hpp"

using namespace afu;
using test::Erased;
using test::of;

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

TEST_CASE("kd takes the form that its option names") {
  const auto initial_part = [](const std::string& subtraction) {
    Erased e("kd");
    e.set("subtraction", subtraction);
    methods::Request request;
    request.client = 0;
    request.coordination = methods::Coordination::concurrent;
    request.forget_count = 10;
    const auto step = methods::find_method("kd").start(request)->next(e.view, nullptr);
    return of(std::get<methods::Erase>(step).job.as<methods::DistilJob>()->student, e.view.initial);
  };
  CHECK(initial_part("lazy") == 0);
  CHECK(initial_part("rescaled") == doctest::Approx(-1 / 3.0));
}
