#include "config/scenario.hpp"
#include "methods/fedau/job.hpp"
#include "tests/methods/support.hpp"

using namespace afu;
using methods::Coordination;
using test::Asked;
using test::step_name;

namespace {

methods::Request request(Coordination form) {
  methods::Request r;
  r.client = 2;
  r.forget = test::some_rows({3, 5, 8});
  r.forget_count = 3;
  r.coordination = form;
  return r;
}

/// The names of all steps; every job returns one vector.
std::vector<std::string> steps(const Asked& asked, Coordination form) {
  const auto procedure = methods::find_method("fedau").start(request(form));
  job::JobResult job;
  job.outputs = {test::some_model()};
  std::vector<std::string> names;
  const job::JobResult* result = nullptr;
  while (names.empty() || names.back() != "Done") {
    REQUIRE(names.size() < 20);
    const auto step = procedure->next(asked.view, result);
    names.emplace_back(step_name(step));
    result = std::holds_alternative<methods::Erase>(step) ? &job : nullptr;
    if (auto* m = std::get_if<methods::MergeErasure>(&step)) {
      CHECK(m->delta == job.outputs.front());
      CHECK_FALSE(m->influence_gain);
      CHECK_FALSE(m->by_accumulator);
    }
  }
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("fedau mixes the heads at the server, in both forms") {
  Asked asked("fedau");
  asked.view.auxiliary = test::some_model();
  CHECK(steps(asked, Coordination::concurrent) == Names{"Erase", "MergeErasure", "Forgotten", "Done"});
  CHECK(steps(asked, Coordination::blocking) ==
        Names{"Halt", "Erase", "MergeErasure", "Resume", "Forgotten", "Done"});

  const auto procedure = methods::find_method("fedau").start(request(Coordination::concurrent));
  const auto step = procedure->next(asked.view, nullptr);
  const auto& erase = std::get<methods::Erase>(step);
  CHECK_FALSE(erase.at_target);
  const auto* job = erase.job.as<methods::FedauMergeJob>();
  REQUIRE(job);
  CHECK(job->model == asked.view.model);
  CHECK(job->auxiliary == asked.view.auxiliary);
  CHECK(job->alpha == 0.9);
}

TEST_CASE("where no auxiliary head was trained, fedau merges nothing") {
  Asked asked("fedau");
  CHECK(steps(asked, Coordination::concurrent) == Names{"Forgotten", "Done"});
  CHECK(steps(asked, Coordination::blocking) == Names{"Halt", "Resume", "Forgotten", "Done"});
  asked.view.model = nullptr;  // a timing-only run has no vectors: the head is taken to be there
  CHECK(steps(asked, Coordination::concurrent) == Names{"Erase", "MergeErasure", "Forgotten", "Done"});
}

TEST_CASE("fedau trains the head at the target when it is to be trained afterwards") {
  Asked asked("fedau");
  asked.set("post_hoc", true);
  CHECK(steps(asked, Coordination::concurrent) == Names{"Erase", "MergeErasure", "Forgotten", "Done"});
  const auto procedure = methods::find_method("fedau").start(request(Coordination::concurrent));
  const auto step = procedure->next(asked.view, nullptr);
  const auto& erase = std::get<methods::Erase>(step);
  CHECK(erase.at_target);
  CHECK(erase.passes == 1);
  const auto* job = erase.job.as<methods::FedauPostHocJob>();
  REQUIRE(job);
  CHECK(job->base == asked.view.model);
  CHECK(*job->forget == data::Indices{3, 5, 8});
  CHECK(job->alpha == 0.96);
}

TEST_CASE("clients train the auxiliary head only where the method wants it") {
  Asked asked("fedau");
  asked.set("gamma", 0.25);
  auto needs = methods::needs_of(methods::find_method("fedau"), asked.scenario);
  CHECK(needs.auxiliary_head);
  CHECK(needs.auxiliary_gamma == 0.25);
  asked.set("post_hoc", true);
  CHECK_FALSE(methods::needs_of(methods::find_method("fedau"), asked.scenario).auxiliary_head);
}

TEST_CASE("fedau refuses a model whose head it cannot tell apart") {
  Asked asked("fedau");
  for (const char* name : {"cnn", "cnn_small", "resnet18", "mlp", "logreg"}) {
    asked.scenario.model.name = config::named<config::Architecture>(name, "name");
    CHECK(asked.complaints().empty());
  }
  asked.scenario.model.name = config::Architecture::torchscript;
  CHECK(asked.complaints().at("model.name").find("has no separable head") != std::string::npos);
}
