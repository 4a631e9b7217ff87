#include "methods/afu_ic_paper/job.hpp"
#include "methods/pga/job.hpp"
#include "tests/methods/support.hpp"

using namespace afu;

namespace {

methods::Request request_of(methods::Coordination coordination) {
  methods::Request request;
  request.client = 0;
  request.forget_count = 10;
  request.coordination = coordination;
  return request;
}

}  // namespace

TEST_CASE("afu_ic_paper: ascent, assignment, calibration; halted where it is blocking") {
  for (const auto coordination : {methods::Coordination::concurrent, methods::Coordination::blocking}) {
    test::Erased e("afu_ic_paper");
    e.scenario.unlearning.methods["pga"] = config::Values(methods::find_method("pga").options);
    e.scenario.calibration.steps = 8;
    e.set("cross_entropy", 0.5);
    e.view.environments = {test::some_rows({1, 2, 3}), test::some_rows({4, 5})};
    e.view.version = 17;
    const auto script = methods::find_method("afu_ic_paper").start(request_of(coordination));
    job::JobResult ascent, calibrated;
    ascent.outputs = {test::some_model(), test::some_model()};
    calibrated.outputs = {test::some_model()};
    const bool blocking = coordination == methods::Coordination::blocking;
    auto step = script->next(e.view, nullptr);
    if (blocking) {
      CHECK(test::step_name(step) == std::string("Halt"));
      step = script->next(e.view, nullptr);
    }
    CHECK(std::get<methods::Erase>(step).job.as<methods::PgaJob>() != nullptr);
    e.view.version = 23;  // others have gone on
    step = script->next(e.view, &ascent);
    const auto& assigned = std::get<methods::Replace>(step);
    CHECK(assigned.model == ascent.outputs[1]);
    CHECK(assigned.holds == 17);
    CHECK(assigned.erasure == (blocking ? nullptr : ascent.outputs[0]));
    step = script->next(e.view, nullptr);
    const auto& asked = std::get<methods::Calibrate>(step);
    CHECK(asked.steps == 8);
    CHECK(asked.passes == doctest::Approx(5 * 8 * 2));
    CHECK(asked.job.as<methods::AugmentationKlJob>()->cross_entropy == 0.5);
    step = script->next(e.view, &calibrated);
    CHECK(std::get<methods::MergeCalibration>(step).delta == calibrated.outputs[0]);
    if (blocking) CHECK(test::step_name(script->next(e.view, nullptr)) == std::string("Resume"));
    CHECK(test::step_name(script->next(e.view, nullptr)) == std::string("Forgotten"));
    CHECK(test::step_name(script->next(e.view, nullptr)) == std::string("Done"));
  }
}

TEST_CASE("afu_ic_paper refuses what its calibration cannot do") {
  test::Asked e("afu_ic_paper");
  e.scenario.unlearning.methods["pga"] = config::Values(methods::find_method("pga").options);
  CHECK(e.complaints().empty());
  e.scenario.calibration.optimiser = config::Optimiser::adam;
  CHECK(e.complaints().count("calibration.optimiser") == 1);
}
