#include "attack/jobs.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "attack/probe.hpp"
#include "attack/relearn.hpp"
#include "config/scenario.hpp"
#include "engine/execute.hpp"
#include "metrics/evaluate.hpp"
#include "metrics/evaluate_job.hpp"
#include "model/archive.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using namespace afu::attack;
using namespace afu::test;

namespace {

/// Forget rows 0 to 40, held out 40 to 80, known members 80 to 120, known others 120 to 160; noise as images
/// of a rule would be, so that what is known was learnt by heart.
struct Bench {
  Lane lane{"mlp", 160};
  std::shared_ptr<Plan> plan = std::make_shared<Plan>();

  explicit Bench(std::vector<std::string> names) {
    auto s = std::make_shared<config::Scenario>();
    s->training.lr = 0.05;
    s->training.batch_size = 16;
    plan->names = std::move(names);
    plan->sets = {rows(0, 40), rows(40, 80), rows(80, 120), rows(120, 160), nullptr, nullptr, nullptr};
    plan->scenario = std::move(s);
  }
};

}  // namespace

TEST_CASE("attack job: reference models answer, lira and rmia use them") {
  Bench b({"loss", "lira", "rmia"});
  b.plan->reference_rows = {rows(80, 120), rows(90, 120)};
  b.plan->reference_epochs = 3;
  std::vector<std::vector<double>> references;
  for (std::uint64_t i = 0; i < 2; ++i) {
    const auto r = b.lane.run(reference_job(*b.plan, i));
    CHECK(r.outputs.empty());
    REQUIRE(r.numbers.size() == 120);  // forget, holdout, known_out
    for (double p : r.numbers) CHECK((p >= 0 && p <= 1));
    CHECK(b.lane.run(reference_job(*b.plan, i)).numbers == r.numbers);
    references.push_back(r.numbers);
  }
  CHECK(references[0] != references[1]);
  const auto known = b.lane.trained(40, 200);
  const auto f = b.lane.run(attack_job(*b.plan, known, references, nullptr)).figures;
  CHECK(f.count("lira.auc") == 1);
  CHECK(f.count("rmia.tpr_at_1pct") == 1);
  CHECK(f.count("scrub.accuracy") == 0);
  references[0].pop_back();
  auto broken = engine::execute(*b.lane.workspace, attack_job(*b.plan, known, references, nullptr));
  CHECK(broken.error.find("other samples") != std::string::npos);
}

TEST_CASE("attack job: the loss attack is that of the metrics") {
  Bench b({"loss"});
  const auto known = b.lane.trained(40, 50);
  auto sets = std::make_shared<metrics::EvaluationSets>();
  sets->forget = b.plan->sets[forget];
  sets->holdout = b.plan->sets[holdout];
  const auto metrics = b.lane.run(metrics::EvaluateJob{known, sets, 64}).figures;
  const auto f = b.lane.run(attack_job(*b.plan, known, {}, nullptr)).figures;
  CHECK(f.at("loss.auc") == doctest::Approx(metrics.at("mia_auc")).epsilon(1e-3));
}

TEST_CASE("attack job: of a diverged model every figure is not a number") {
  Bench b({"loss", "scrub", "confidence", "entropy", "modified_entropy", "class_thresholds", "relearn"});
  const auto nan = b.lane.workspace->wrap(b.lane.initial->values * std::nan(""), b.lane.initial->buffers);
  const auto f = b.lane.run(attack_job(*b.plan, nan, {}, b.lane.initial)).figures;
  for (const char* name : {"loss.auc", "loss.accuracy", "scrub.accuracy", "confidence.auc",
                           "confidence.efficacy", "class_entropy.accuracy", "relearn.accuracy_batches"})
    CHECK(f.count(name) == 1);
  for (const auto& [name, value] : f) {
    CAPTURE(name);
    CHECK((std::isnan(value) || name == "scrub.samples"));
  }
  // Nor is there a figure where nothing was known that could come back.
  const auto nothing = b.lane.run(attack_job(*b.plan, b.lane.initial, {}, nan)).figures;
  CHECK(std::isnan(nothing.at("relearn.accuracy_reached")));
  CHECK(std::isfinite(nothing.at("loss.auc")));
}

TEST_CASE("relearn: what is known takes no batch, what was erased some, and the cap is said") {
  Bench b({"relearn"});
  const auto known = b.lane.trained(40, 100);
  const auto f = b.lane.run(attack_job(*b.plan, known, {}, known)).figures;
  CHECK(f.at("relearn.accuracy_batches") == 0);
  CHECK(f.at("relearn.accuracy_reached") == 1);
  CHECK(f.count("relearn.success_batches") == 0);  // no backdoor
  const auto fresh = b.lane.run(attack_job(*b.plan, b.lane.initial, {}, known)).figures;
  CHECK(fresh.at("relearn.accuracy_batches") > 0);
  CHECK(fresh.at("relearn.accuracy_reached") == 1);
  auto hasty = std::make_shared<config::Scenario>(*b.plan->scenario);
  hasty->evaluation.relearn_batches = 1;
  hasty->training.lr = 1e-6;
  b.plan->scenario = hasty;
  const auto cut = b.lane.run(attack_job(*b.plan, b.lane.initial, {}, known)).figures;
  CHECK(cut.at("relearn.accuracy_batches") == 1);
  CHECK(cut.at("relearn.accuracy_reached") == 0);
}

TEST_CASE("relearn from a few samples: fewer of them show less, and the smaller set is part of the larger") {
  const base::StreamKey key{1, base::purpose("few"), 0, 0};
  const auto all = rows(0, 40);
  const auto eight = few(all, 8, key), many = few(all, 32, key);
  CHECK(eight->size() == 8);
  CHECK(std::includes(many->begin(), many->end(), eight->begin(), eight->end()));
  CHECK(*few(all, 99, key) == *all);
  Bench b({"relearn", "relearn_8", "relearn_32"});
  const auto known = b.lane.trained(40, 100);
  const auto f = b.lane.run(attack_job(*b.plan, b.lane.initial, {}, known)).figures;
  REQUIRE(f.at("relearn.accuracy_reached") == 1);
  CHECK(f.at("relearn.accuracy_batches") ==
        b.lane.run(attack_job(*Bench({"relearn"}).plan, b.lane.initial, {}, known))
            .figures.at("relearn.accuracy_batches"));
  CHECK(f.at("relearn_32.accuracy_batches") >= f.at("relearn.accuracy_batches"));
  CHECK(f.at("relearn_8.accuracy_batches") > f.at("relearn_32.accuracy_batches"));
  // What is still there takes no batch, whatever is shown.
  CHECK(b.lane.run(attack_job(*b.plan, known, {}, known)).figures.at("relearn_8.accuracy_batches") == 0);
}

TEST_CASE("probe: separable features are told apart on images it has not seen, exchangeable ones are not") {
  torch::manual_seed(3);
  const auto clean = torch::randn({200, 12});
  auto marked = clean.clone();
  marked.select(1, 4).add_(6);
  CHECK(linear_probe(marked, clean).auc > 0.99);
  const auto chance = linear_probe(torch::randn({200, 12}), clean);
  CHECK(std::abs(chance.auc - 0.5) < 3 * chance.auc_error);
  CHECK(linear_probe(clean, clean).auc == 0.5);  // both say the same of every image
  CHECK_THROWS_AS(linear_probe(clean, clean.narrow(0, 0, 100)), std::invalid_argument);
}

TEST_CASE("archive: a saved version is read back as it was") {
  for (const char* name : {"mlp", "cnn_small", "resnet18"}) {
    CAPTURE(name);
    const auto& shape = std::string(name) == "resnet18" ? small_shape : tiny_shape;
    Lane lane(name, 12, shape);
    const auto path = std::string("/tmp/afu-archive-") + name + "-" + std::to_string(::getpid()) + ".pt";
    model::save_model(network(name), shape, lane.initial, path);
    const auto back = model::read_parameters(path, lane.workspace->layout());
    CHECK(torch::equal(back->values, lane.initial->values));
    CHECK(torch::equal(back->buffers, lane.initial->buffers));
    Lane other("logreg", 12);
    CHECK_THROWS_WITH_AS(model::read_parameters(path, other.workspace->layout()),
                         doctest::Contains("not a model of this scenario"), std::runtime_error);
    std::remove(path.c_str());
  }
  CHECK_THROWS_WITH_AS(model::read_parameters("/nowhere.pt", nullptr), doctest::Contains("/nowhere.pt"),
                       std::runtime_error);
}
