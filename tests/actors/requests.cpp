// What a request covers, through whole runs: parts, unions, classes.
#include <algorithm>
#include <cmath>

#include "config/sections/model.hpp"
#include "data/dataset.hpp"
#include "lane/prepare_model.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

const char* two_clients = "[[erasure]]\nclient = 3\nat_update = 18\n";
const std::vector<std::string> of_class{"erasure[0]={scope=\"class\",class=0,at_update=90}",
                                        "data.backdoor.trigger=none",
                                        "stop.updates=180",
                                        "data.difficulty=0.05",
                                        "training.lr=0.1",
                                        "training.local_epochs=3",
                                        "evaluation.every_updates=1"};

std::vector<std::string> with(std::vector<std::string> set, std::vector<std::string> more) {
  set.insert(set.end(), more.begin(), more.end());
  return set;
}

}  // namespace

TEST_CASE("two requests at once: each has its own figures, and together they are the union's") {
  const auto p = play(std::string(small) + two_clients, {"unlearning.method=gradient_ascent"});
  REQUIRE(p.result.report.failure == "");
  const auto& s = p.result.summary;
  REQUIRE(s.erasures.size() == 2);
  REQUIRE(s.erasures[0].samples == 34);  // 40 each, 6 held out
  REQUIRE(s.erasures[1].samples == 34);
  bool differ = false;
  for (const auto& row : p.result.report.rows) {
    REQUIRE(row.requests.size() == 2);
    const double a = *row.requests[0].forget_accuracy, b = *row.requests[1].forget_accuracy;
    CHECK((a + b) / 2 == doctest::Approx(*row.forget_accuracy));  // as many samples each
    CHECK(a * 34 == doctest::Approx(std::round(a * 34)));         // shares of their own samples
    CHECK(b * 34 == doctest::Approx(std::round(b * 34)));
    CHECK(row.requests[0].attack_success_rate == row.attack_success_rate);  // its backdoor, nobody else's
    CHECK_FALSE(row.requests[1].attack_success_rate);
    CHECK(row.requests[0].mia_auc);
    CHECK(row.requests[1].mia_auc);
    REQUIRE(row.requests[0].poisoned_success);
    CHECK_FALSE(row.requests[1].poisoned_success);
    differ = differ || a != b;
  }
  CHECK(differ);
  CHECK(s.erasures[0].rebound_of == "attack_success_rate");
  CHECK(s.erasures[1].rebound_of == "forget_accuracy");
  CHECK(s.erasures[0].final.forget_accuracy == p.result.report.rows.back().requests[0].forget_accuracy);
  CHECK(s.erasures[0].found.forget_accuracy != s.erasures[1].found.forget_accuracy);
  const double together = *s.erasures[0].found.forget_accuracy + *s.erasures[1].found.forget_accuracy;
  CHECK(together / 2 == doctest::Approx(*s.before_erasure.forget_accuracy));  // they found the same version
}

TEST_CASE("a later request found another version than the first") {
  const auto p = play(std::string(small) + "[[erasure]]\nclient = 3\nat_update = 30\n",
                      {"unlearning.method=none", "stop.updates=60"});
  const auto& s = p.result.summary;
  REQUIRE(s.erasures.size() == 2);
  // Of the rows up to its request the last one's.
  for (std::size_t i = 0; i < 2; ++i) {
    std::optional<double> found;
    for (const auto& row : p.result.report.rows)
      if (row.time <= s.erasures[i].requested_at) found = row.requests[i].forget_accuracy;
    CHECK(s.erasures[i].found.forget_accuracy == found);
  }
}

TEST_CASE("samples that stay are no rebound of those that go") {
  const auto part = [](double fraction) {
    return play(small, {"unlearning.method=gradient_ascent", "erasure[0].scope=samples",
                        "erasure[0].fraction=" + std::to_string(fraction), "stop.updates=60"});
  };
  // Of 34 samples about 11 are poisoned: a part of 0.2 leaves some of them.
  const auto some = part(0.2), all = part(0.6);
  CHECK(some.result.summary.erasures.at(0).samples == 7);
  CHECK(some.result.summary.erasures.at(0).rebound_of == "forget_accuracy");
  CHECK_FALSE(some.result.summary.erasures.at(0).final.attack_success_rate);
  CHECK(some.result.summary.final.attack_success_rate);  // the model's own, as ever
  CHECK(all.result.summary.erasures.at(0).rebound_of == "attack_success_rate");
}

TEST_CASE("two parts of one client go one after the other, and it trains on what neither has") {
  const auto p = play(
      std::string(small) + "[[erasure]]\nclient = 0\nscope = \"samples\"\nfraction = 0.4\nat_update = 30\n",
      {"unlearning.method=retrain", "erasure[0].scope=samples", "erasure[0].fraction=0.4",
       "stop.updates=90"});
  REQUIRE(p.result.report.failure == "");
  const auto& e = p.result.summary.erasures;
  REQUIRE(e.size() == 2);
  CHECK(e[0].samples == 14);
  CHECK(e[1].samples == 14);
  CHECK(e[1].forgotten_at);
  const double fa = *p.result.summary.final.forget_accuracy * 28;  // of all 28 that are to be forgotten
  CHECK(fa == doctest::Approx(std::round(fa)));
}

TEST_CASE("retrained without a class the model does not know it, left alone it does for a while") {
  const auto retrain = play(small, with(of_class, {"unlearning.method=retrain"}));
  const auto none = play(small, with(of_class, {"unlearning.method=none"}));
  const auto& r = retrain.result.summary;
  const auto& n = none.result.summary;
  REQUIRE(retrain.result.report.failure == "");
  REQUIRE(none.result.report.failure == "");
  CHECK(*r.before_erasure.forget_accuracy > 0.8);
  CHECK(*r.final.forget_accuracy < 0.1);  // nobody was ever shown it: it is not even guessed
  CHECK(*r.final.test_accuracy > 0.7);    // of the other classes
  CHECK(decisions(retrain, "restarted").size() == 1);
  CHECK(decisions(retrain, "restarted")[0]["client"].is_null());
  CHECK(r.erasures.at(0).forgotten_at);
  CHECK(r.erasures.at(0).client == -1);
  CHECK(r.erasures.at(0).label == 0);
  CHECK(record::covers_text(r.erasures.at(0)) == "class 0");

  CHECK(*n.before_erasure.forget_accuracy == *r.before_erasure.forget_accuracy);
  CHECK_FALSE(n.erasures.at(0).forgotten_at);
  bool remembered = false;  // by a version that was made after the request
  for (const auto& row : none.result.report.rows)
    remembered = remembered || (row.time > n.erasures[0].requested_at && *row.forget_accuracy > 0.5);
  CHECK(remembered);
  for (const auto& row : retrain.result.report.rows)
    if (row.epoch > 0) CHECK(*row.forget_accuracy < 0.6);
}

TEST_CASE("weights from a file that hold the target are told of") {
  const auto file =
      std::filesystem::temp_directory_path() / ("afu-delivered-" + std::to_string(::getpid()) + ".pt");
  const auto trained = play(small, {"unlearning.method=none", "data.backdoor.trigger=none"});
  config::ModelSection section;
  section.name = config::Architecture::logreg;
  lane::save(section, {1, 10, 10, 3}, trained.result.report.outcome.model, file.string());
  const auto from_file = [&](const char* method) {
    return play(small, {std::string("unlearning.method=") + method, "data.backdoor.trigger=none",
                        "model.name=torchscript", "model.path=" + file.string()});
  };
  const auto retrain = from_file("retrain");
  REQUIRE(retrain.result.summary.warnings.size() == 1);
  const auto& warning = retrain.result.summary.warnings[0];
  CHECK(warning.find(file.string()) != std::string::npos);
  CHECK(warning.find("the retraining starts with, so it is no reference") != std::string::npos);
  CHECK(warning.find("before any training forget accuracy is") != std::string::npos);
  CHECK(retrain.result.warnings == retrain.result.summary.warnings);
  CHECK(from_file("gradient_ascent").result.summary.warnings.size() == 1);
  CHECK(trained.result.summary.warnings.empty());
  std::filesystem::remove(file);
}

TEST_CASE("a run starts from another one's model, and is told what that holds") {
  const auto folder = std::filesystem::temp_directory_path() / ("afu-init-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto file = (folder / "model.pt").string();
  const auto trained = play(small, {"unlearning.method=none", "data.backdoor.trigger=none"});
  config::ModelSection section;
  section.name = config::Architecture::logreg;
  const auto& model = trained.result.report.outcome.model;
  lane::save(section, {1, 10, 10, 3}, model, file);
  const auto from = [&](const std::string& init, const std::vector<std::string>& more) {
    std::vector<std::string> set{"data.backdoor.trigger=none", "model.init=" + init};
    set.insert(set.end(), more.begin(), more.end());
    return play(small, set);
  };
  const auto retrain = from(file, {"unlearning.method=retrain"});
  REQUIRE(retrain.result.summary.warnings.size() == 1);
  const auto& warning = retrain.result.summary.warnings[0];
  CHECK(warning.find(file) != std::string::npos);
  CHECK(warning.find("the retraining starts with, so it is no reference") != std::string::npos);
  CHECK(warning.find("before any training forget accuracy is") != std::string::npos);
  const auto drawn = from(file, {"unlearning.method=retrain", "unlearning.retrain.init_seed=5"});
  REQUIRE(drawn.result.summary.warnings.size() == 1);
  CHECK(drawn.result.summary.warnings[0].find("the retraining is without") != std::string::npos);
  // A run's folder is as good as its model; version 0 is that model, to the bit.
  const auto whole =
      from(folder.string(), {"unlearning.method=none", "stop.updates=1", "training.lr=1e-30", "erasure=[]"});
  CHECK(whole.result.summary.warnings.empty());
  CHECK(model::sha256(whole.result.report.outcome.model) == model::sha256(model));
  std::filesystem::remove_all(folder);
}

TEST_CASE("samples of several clients by a file: a row each, the same before, and one retraining for all") {
  const auto file =
      std::filesystem::temp_directory_path() / ("afu-ids-" + std::to_string(::getpid()) + ".csv");
  {
    std::ofstream ids(file);
    ids << "id\n";
    for (int row = 0; row < 60; ++row) ids << row << "\n";
  }
  const auto erasure = "erasure=[{scope=\"samples\",file=\"" + file.string() + "\",at_update=18}]";
  for (const std::string method : {"afu_ic", "retrain", "none", "gradient_ascent"}) {
    CAPTURE(method);
    const auto p = play(small, {"unlearning.method=" + method, "data.backdoor.client=0",
                                "calibration.steps=0", "calibration.window_steps=0", erasure});
    REQUIRE(p.result.report.failure == "");
    const auto& e = p.result.summary.erasures;
    REQUIRE(e.size() == 6);  // everybody has some of them
    std::int64_t samples = 0;
    for (std::size_t i = 0; i < e.size(); ++i) {
      CHECK(e[i].client == static_cast<std::int64_t>(i));
      CHECK(e[i].scope == "samples");
      CHECK(record::covers_text(e[i]) == std::to_string(e[i].samples) + " samples of " +
                                             file.filename().string() + " at client/" + std::to_string(i));
      CHECK(e[i].found.forget_accuracy.has_value());
      CHECK(e[i].forgotten_at.has_value() == (method != "none"));
      samples += e[i].samples;
    }
    CHECK(samples > 30);  // what is held out is not among them
    CHECK(samples < 60);
    for (const auto& row : p.result.report.rows) CHECK(row.requests.size() == 6);
    if (method == "retrain") CHECK(decisions(p, "restarted").size() == 1);
  }
  // Who asks is known once the data are: what the method cannot do then is refused.
  CHECK_THROWS_WITH_AS(play(small, {"data.backdoor.client=0", erasure}), doctest::Contains("all 6 ask"),
                       data::DataError);
  std::filesystem::remove(file);
}
