#include "config/scenario.hpp"
#include "methods/prune/job.hpp"
#include "tests/methods/support.hpp"

using namespace afu;
using test::Asked;
using test::step_name;

namespace {

methods::Request request() {
  methods::Request r;
  r.scope = methods::Scope::data_class;
  r.label = 2;
  r.coordination = methods::Coordination::blocking;
  return r;
}

std::shared_ptr<const job::JobResult> numbers(std::vector<double> values) {
  auto r = std::make_shared<job::JobResult>();
  r->numbers = std::move(values);
  return r;
}

}  // namespace

TEST_CASE("prune asks everybody, prunes, and keeps the mask") {
  Asked asked("prune");
  asked.set("recovery_updates", std::int64_t{7});
  asked.scenario.evaluation.batch_size = 17;
  asked.view.participants = [] {
    return std::vector<methods::Participant>{{0, 2, test::some_rows({1, 2}), test::some_rows({1, 2, 3})},
                                             {4, 0, test::some_rows({}), test::some_rows({})},
                                             {6, 1, test::some_rows({9}), test::some_rows({8, 9})}};
  };
  const auto procedure = methods::find_method("prune").start(request());
  CHECK(step_name(procedure->next(asked.view, nullptr)) == std::string("Halt"));

  const auto second = procedure->next(asked.view, nullptr);
  const auto& work = std::get<methods::Collect>(second).work;
  REQUIRE(work.size() == 2);  // one of them has no samples at all
  CHECK(work[1].client == 6);
  CHECK(work[0].passes == 1);
  const auto& statistics = *work[0].job.as<methods::PruneStatisticsJob>();
  CHECK(*statistics.rows == data::Indices{1, 2, 3});  // with the class that goes
  CHECK(statistics.model == asked.view.model);
  CHECK(statistics.batch_size == 17);

  asked.view.collected = {{0, numbers({1, 2, 3})}, {6, numbers({10, 20, 30})}};
  const auto third = procedure->next(asked.view, nullptr);
  const auto& erase = std::get<methods::Erase>(third);
  const auto& job = *erase.job.as<methods::PruneJob>();
  CHECK_FALSE(erase.at_target);
  CHECK(job.statistics == std::vector<double>{11, 22, 33});
  CHECK(job.label == 2);
  CHECK(job.sparsity == 0.05);
  CHECK(job.form.idf == methods::Discrimination::Idf::paper);
  CHECK(job.form.tf_coe == 0);

  job::JobResult pruned;
  pruned.outputs = {test::some_model(), test::some_model()};
  const auto replace = procedure->next(asked.view, &pruned);
  CHECK(std::get<methods::Replace>(replace).model == pruned.outputs[0]);
  const auto retune = procedure->next(asked.view, nullptr);
  REQUIRE(std::get<methods::Retune>(retune).extras);
  CHECK(std::get<methods::Retune>(retune).extras->mask == pruned.outputs[1]);
  CHECK(std::get<methods::Retune>(retune).extras->lr_factor == 1);
  CHECK(step_name(procedure->next(asked.view, nullptr)) == std::string("Resume"));
  const auto wait = procedure->next(asked.view, nullptr);
  CHECK(std::get<methods::AwaitUpdates>(wait).count == 7);
  CHECK(step_name(procedure->next(asked.view, nullptr)) == std::string("Forgotten"));
  CHECK(step_name(procedure->next(asked.view, nullptr)) == std::string("Done"));  // no Retune: the mask stays
}

TEST_CASE("prune's steps in a timing-only run") {
  Asked asked("prune");
  asked.view.model = nullptr;
  asked.view.participants = [] { return std::vector<methods::Participant>{{0, 30, nullptr, nullptr}}; };
  const auto procedure = methods::find_method("prune").start(request());
  procedure->next(asked.view, nullptr);
  const auto collect = procedure->next(asked.view, nullptr);
  CHECK(std::get<methods::Collect>(collect).work.at(0).passes == 10);
  asked.view.collected = {{0, nullptr}};
  CHECK(step_name(procedure->next(asked.view, nullptr)) == std::string("Erase"));
  const auto replace = procedure->next(asked.view, nullptr);
  CHECK_FALSE(std::get<methods::Replace>(replace).model);
  const auto retune = procedure->next(asked.view, nullptr);
  CHECK_FALSE(std::get<methods::Retune>(retune).extras);
}

TEST_CASE("prune is for classes and for networks with convolutions") {
  const auto& traits = methods::find_method("prune").traits;
  CHECK((traits.scopes == std::vector<methods::Scope>{methods::Scope::data_class}));
  CHECK((traits.coordinations == std::vector<methods::Coordination>{methods::Coordination::blocking}));
  Asked asked("prune");
  for (const char* name : {"cnn", "cnn_small", "resnet18"}) {
    asked.scenario.model.name = config::named<config::Architecture>(name, "name");
    CHECK(asked.complaints().empty());
  }
  for (const char* name : {"mlp", "logreg", "torchscript"}) {
    asked.scenario.model.name = config::named<config::Architecture>(name, "name");
    CHECK(asked.complaints().at("model.name").find("no convolutions") != std::string::npos);
  }
}
