/// Claims on studies whose figures are known.
#include "figures/verdicts.hpp"

#include <algorithm>
#include <string>

#include "tests/figures/judge.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using afu::test::contains;
using afu::test::judge;
using afu::test::Judge;
using afu::test::judge_subject;
using afu::test::step;
using afu::test::SyntheticRun;
using afu::test::SyntheticStudy;
using afu::test::text_of;
using doctest::Approx;

TEST_CASE("where everything is well every claim holds") {
  SyntheticStudy made;
  test::fill_good_study(made);
  for (const auto& claim : claims()) {
    const auto v = judge(made, claim.judge);
    CAPTURE(claim.name);
    CAPTURE(v.reason);
    CHECK(v.outcome == Outcome::holds);
  }
}

TEST_CASE("equivalence: inside, across and outside the margin") {
  const auto with = [](double shift, double spread) {
    return judge_subject(equivalence, [=](std::uint64_t seed) {
      SyntheticRun r;
      *r.final.test_accuracy += shift + spread * step(seed);
      return r;
    });
  };
  // The 90 % interval has the half-width 0.9534 sd = 0.9534 sqrt(2.5) spread = 1.5074 spread.
  CHECK(with(0.01, 0.006).outcome == Outcome::holds);   // 0.01 + 0.00904 < 0.02
  CHECK(with(0.01, 0.007).outcome == Outcome::open);    // 0.01 + 0.01055 > 0.02
  CHECK(with(-0.04, 0.006).outcome == Outcome::fails);  // -0.04 + 0.00904 < -0.02
  CHECK(contains(with(0.01, 0.006).reason,
                 "test accuracy at once +1.0 pp [+0.1, +1.9], inside ±2.0 pp, after "
                 "6 rounds +1.0 pp [+0.1, +1.9], inside"));
  CHECK(contains(with(-0.04, 0.006).reason, "outside ±2.0 pp"));
}

TEST_CASE("too few seeds conclude nothing") {
  for (const auto& claim : claims()) {
    const auto v = judge_subject(claim.judge, [](std::uint64_t) { return SyntheticRun(); }, {1, 2});
    CAPTURE(claim.name);
    CHECK(v.outcome == Outcome::open);
  }
  CHECK(contains(judge_subject(equivalence, [](std::uint64_t) { return SyntheticRun(); }, {1, 2}).reason,
                 "2 paired seeds of test accuracy, at least 3 are needed"));
}

TEST_CASE("a metric that was not measured is not equivalent") {
  const auto v = judge_subject(equivalence, [](std::uint64_t) {
    SyntheticRun r;
    r.final.mia_auc.reset();
    return r;
  });
  CHECK(v.outcome == Outcome::unjudged);  // others have it
  CHECK(contains(v.reason, "membership AUC cannot be judged: cells/mine/seed=1 has no membership AUC; "));
  SyntheticStudy nowhere;
  for (const char* arm : {"mine", "retrain"})
    nowhere.arm(arm, arm == std::string("mine") ? "method" : "reference", false, [](std::uint64_t) {
      SyntheticRun r;
      r.final.mia_auc.reset();
      return r;
    });
  const auto none = judge(nowhere, equivalence);
  CHECK(none.outcome == Outcome::open);
  CHECK(contains(none.reason, "membership AUC was not measured in both"));
}

TEST_CASE("an attack that never succeeded proves nothing by its absence") {
  const auto weak = [](std::uint64_t) {
    SyntheticRun r;
    r.before.attack_success_rate = 0.3;
    return r;
  };
  for (Judge claim : {&equivalence, &no_rebound}) {
    const auto v = judge_subject(claim, weak);
    CHECK(v.outcome == Outcome::open);
    CHECK(contains(v.reason, "too weak"));
  }
}

TEST_CASE("who was not told from others before the erasure proves nothing by not being told after it") {
  const auto with = [](double before, bool attacked, double spread = 0) {
    SyntheticStudy made;
    const auto run = [=](std::uint64_t seed) {
      SyntheticRun r;
      r.before.mia_auc = before + spread * step(seed);
      if (!attacked) r.before.attack_success_rate = r.final.attack_success_rate = std::nullopt;
      return r;
    };
    made.manifest["statistics"]["family"] =
        attacked ? std::vector{"test_accuracy", "attack_success_rate", "mia_auc"}
                 : std::vector{"test_accuracy", "mia_auc"};
    made.arm("mine", "method", false, run);
    made.arm("retrain", "reference", false, run);
    return judge(made, equivalence);
  };
  // On natural data membership carries the claim: it held at an AUC of chance.
  const auto v = with(0.505, false);
  CHECK(v.outcome == Outcome::open);
  CHECK(contains(v.reason,
                 "membership AUC: no power (before the erasure 0.505 [0.505, 0.505], at least 0.550"));
  CHECK(contains(v.reason, "nothing that was there to be forgotten has power"));
  CHECK(with(0.6, false).outcome == Outcome::holds);
  CHECK(with(0.6, false, 0.05).outcome == Outcome::open);  // an interval of +-0.075
  // A backdoor was there to be erased: the claim is about that, and says so.
  const auto attacked = with(0.505, true);
  CHECK(attacked.outcome == Outcome::holds);
  CHECK(contains(attacked.reason, "membership AUC: no power"));
}

TEST_CASE("a forget set that was answered no better than by a retrained model proves nothing") {
  const auto with = [](double before) {
    SyntheticStudy made;
    const auto run = [=](std::uint64_t seed) {
      SyntheticRun r;  // 0.70 in the end, retrained or not
      *r.final.test_accuracy += 0.001 * step(seed);
      *r.final.forget_accuracy += 0.001 * step(seed);
      r.before.forget_accuracy = before + 0.01 * step(seed);
      r.before.attack_success_rate = r.final.attack_success_rate = std::nullopt;
      return r;
    };
    made.manifest["statistics"]["family"] = std::vector{"test_accuracy", "forget_accuracy"};
    made.manifest["statistics"]["margins"]["forget_accuracy"] = 0.05;
    made.arm("mine", "method", false, run);
    made.arm("retrain", "reference", false, run);
    return judge(made, equivalence);
  };
  CHECK(with(0.90).outcome == Outcome::holds);
  const auto v = with(0.74);  // it held: nothing was learned of it that could have been forgotten
  CHECK(v.outcome == Outcome::open);
  CHECK(contains(v.reason, "forget accuracy: no power (before the erasure it was +4.0 pp ["));
  CHECK(contains(v.reason, "above retrain's, more than 5.0 pp is needed), nothing is claimed about it"));
}

TEST_CASE("a cell that failed keeps a claim from holding, and is counted") {
  SyntheticStudy made({1, 2, 3, 4, 5, 6});
  test::fill_good_study(made);
  test::write_text(made.cell("mine", 2) / "failure.txt", "diverged");
  for (const auto& claim : claims()) {
    const auto v = judge(made, claim.judge);
    CAPTURE(claim.name);
    CHECK(v.outcome == Outcome::open);
    CHECK(contains(v.reason, "(1 cell failed)"));
  }
  std::filesystem::remove_all(made.cell("mine", 2));
  for (const auto& claim : claims()) {  // they held with a part of the declared seeds
    const auto v = judge(made, claim.judge);
    CAPTURE(claim.name);
    CAPTURE(v.reason);
    CHECK(v.outcome == Outcome::open);
    const bool by_a = claim.judge == &latency;  // which is open itself
    CHECK(contains(
        v.reason, by_a ? "whether mine passes (a) is open" : "would hold but for cells that are not in yet"));
    CHECK(contains(v.reason, "(1 cell not run yet)"));
  }
}

TEST_CASE("no claim holds with a part of its declared seeds, of the rivals and the control neither") {
  SyntheticStudy made({1, 2, 3, 4, 5, 6, 7, 8});
  test::fill_good_study(made);
  const auto without = [&](const char* arm, Judge claim) {
    for (int seed : {6, 7, 8})
      std::filesystem::rename(made.cell(arm, seed), made.folder / std::to_string(seed));
    const auto v = judge(made, claim);
    for (int seed : {6, 7, 8})
      std::filesystem::rename(made.folder / std::to_string(seed), made.cell(arm, seed));
    CAPTURE(v.reason);
    CHECK(v.outcome == Outcome::open);
    CHECK(contains(v.reason, "(3 cells not run yet)"));
  };
  for (const auto& claim : claims()) without("mine", claim.judge);
  without("retrain", equivalence);
  without("leak", no_rebound);
  without("leak", keeps_away);
  without("barrier", latency);
}

TEST_CASE("what is the same in every seed proves nothing in a few of them") {
  const auto flat = [](Judge claim, const std::vector<std::uint64_t>& seeds) {
    return judge_subject(
        claim, [](std::uint64_t) { return SyntheticRun(); }, seeds);
  };
  for (const auto& claim : claims()) {
    if (claim.judge == &keeps_away) continue;  // its control differs from seed to seed
    CAPTURE(claim.name);
    const auto v = flat(claim.judge, {1, 2, 3, 4});  // a constant classifier's accuracy, say
    CAPTURE(v.reason);
    CHECK(v.outcome == Outcome::open);
    CHECK(contains(v.reason, claim.judge == &latency
                                 ? "whether mine passes (a) is open"
                                 : "the same in each of 4 seeds, which is no proof (sign test p = 0.062)"));
    CHECK(flat(claim.judge, {1, 2, 3, 4, 5}).outcome == Outcome::holds);  // p = 1/32
  }
}

TEST_CASE("an erasure that changes nothing fails (a) and has no time to be faster with") {
  SyntheticStudy made;
  made.arm("mine", "method", false, [](std::uint64_t seed) {
    SyntheticRun r;  // called merged two seconds after the request; the model is the one before
    r.final = r.before;
    r.final.attack_success_rate = 0.95 - 0.001 * static_cast<double>(seed);
    r.attack = [](double) { return 0.95; };
    return r;
  });
  made.arm("retrain", "reference", false, [](std::uint64_t) { return SyntheticRun(); });
  made.arm("barrier", "method", true, [](std::uint64_t seed) {
    SyntheticRun r;
    r.latency = 25 + 0.1 * static_cast<double>(seed);
    return r;
  });
  CHECK(judge(made, equivalence).outcome == Outcome::fails);
  const auto v = judge(made, latency);
  CHECK(v.outcome == Outcome::fails);  // it held: 2 s against 25 s
  CHECK(contains(v.reason, "in 5 of 5 cells no published version is erased and useful and stays so"));
}

TEST_CASE("a model that is published at once and does not work is not there at once") {
  const auto with = [](double broken_rounds) {
    return judge_subject(latency, [=](std::uint64_t) {
      SyntheticRun r;
      r.latency = 0;
      r.test = [=](double t) { return t < broken_rounds ? 0.5 : 0.8; };
      return r;
    });
  };
  CHECK(with(0).outcome == Outcome::holds);
  const auto v = with(3);  // three rounds of two updates: 6 s
  CHECK(v.outcome == Outcome::fails);
  CHECK(contains(v.reason, "(a), without which there is no erased model"));
  // Within the margin at 0+ and after the rounds, and out of it in between: (a) does not see it, (d) does.
  const auto late = judge_subject(latency, [](std::uint64_t) {
    SyntheticRun r;
    r.latency = 0;
    r.test = [](double t) { return t > 0 && t < 2 ? 0.5 : 0.8; };
    return r;
  });
  CHECK(late.outcome == Outcome::fails);
  CHECK(contains(late.reason, "time to pass 4.00 s against 25.00 s of barrier"));
}

TEST_CASE("what publishes at the request is there after 0 s by construction where nothing is trained") {
  const auto timing = [](double latency) {
    return [=](std::uint64_t) {
      SyntheticRun r;
      r.before = r.final = {};
      r.latency = latency;
      return r;
    };
  };
  SyntheticStudy made;
  made.arm("mine", "method", false, timing(0));
  made.arm("retrain", "reference", false, timing(5));
  made.arm("barrier", "method", true, timing(24));
  const auto v = judge(made, latency);
  CHECK(v.outcome == Outcome::open);
  CHECK(contains(v.reason, "its time is 0 by construction"));
}

TEST_CASE("(a) is judged at the first erased version and after the rounds, not late alone") {
  const auto with = [](const std::function<double(double)>& attack) {
    return judge_subject(equivalence, [=](std::uint64_t) {
      SyntheticRun r;
      r.attack = attack;
      return r;
    });
  };
  CHECK(with([](double) { return 0.03; }).outcome == Outcome::holds);
  const auto at_once = with([](double t) { return t < 1 ? 0.8 : 0.03; });
  CHECK(at_once.outcome == Outcome::fails);  // the calibration cured it later
  CHECK(contains(at_once.reason, "attack success rate at once +77.0 pp"));
  CHECK(contains(at_once.reason, "after 6 rounds +0.0 pp [+0.0, +0.0], inside"));
  CHECK(with([](double t) { return t > 1 && t < 7 ? 0.6 : 0.03; }).outcome == Outcome::fails);
}

TEST_CASE("no verdict comes from figures that a cell lacks, and the cell is named") {
  SyntheticStudy made;
  test::fill_good_study(made);
  const auto only = [&](Judge claim, const std::string& reason) {
    const auto v = judge(made, claim);
    CHECK(v.outcome == Outcome::unjudged);
    CAPTURE(v.reason);
    CHECK(contains(v.reason, reason));
  };
  SUBCASE("a final figure that is null") {
    made.edit("mine", 2, [](auto& j) { j["final"]["mia_auc"] = nullptr; });
    only(equivalence, "membership AUC cannot be judged: cells/mine/seed=2 has no membership AUC");
    CHECK(judge(made, no_rebound).outcome == Outcome::holds);
  }
  SUBCASE("of the reference") {
    made.edit("retrain", 4, [](auto& j) { j["final"]["mia_auc"] = nullptr; });
    only(equivalence, "cannot be judged: cells/retrain/seed=4 has no membership AUC");
    only(latency, "it cannot be judged by (a)");
  }
  SUBCASE("of a rival") {
    made.edit("barrier", 4, [](auto& j) { j["final"]["mia_auc"] = nullptr; });
    only(latency, "whether barrier passes (a): ");
  }
  SUBCASE("a version without the attack's success") {
    made.manifest["statistics"]["late_evaluations"] = 5;
    made.save();
    const auto text = text_of(made.cell("mine", 3) / "metrics.csv");
    const auto at = text.rfind(",0.04,");
    test::write_text(made.cell("mine", 3) / "metrics.csv",
                     text.substr(0, at) + ",nan," + text.substr(at + 6));
    only(equivalence,
         "cells/mine/seed=3 has no attack success rate (metrics.csv:24: attack_success_rate is 'nan')");
    only(no_rebound, "cells/mine/seed=3 has no attack success rate (metrics.csv:24");
  }
  SUBCASE("a hole in a curve of which the end is whole") {
    made.replace("retrain", 3, "metrics.csv", ",0.03,", ",,");
    only(no_rebound,
         "cells/retrain/seed=3 has no attack success rate at once (metrics.csv:4: "
         "attack_success_rate is empty)");
  }
  SUBCASE("downtime, throughput and what tells the time to erase") {
    made.edit("mine", 2, [](auto& j) { j["erasures"][0]["downtime_seconds"] = nullptr; });
    only(no_downtime, "cannot be judged: cells/mine/seed=2 has no downtime");
    made.edit("mine", 2, [](auto& j) { j["erasures"][0]["downtime_seconds"] = 0; });
    std::filesystem::remove(made.cell("mine", 5) / "events.jsonl");
    only(no_downtime, "cells/mine/seed=5 has no throughput beside the run in which the client just leaves");
    std::filesystem::remove(made.cell("mine", 5) / "metrics.csv");
    made.edit("mine", 5, [](auto& j) {
      for (auto& figure : j["final"]) figure = nullptr;
    });
    only(latency, "cells/mine/seed=5 has no time to erase (no event log tells");
  }
  SUBCASE("what all cells have fails a claim all the same") {
    made.edit("mine", 2, [](auto& j) { j["erasures"][0]["downtime_seconds"] = nullptr; });
    made.edit("mine", 3, [](auto& j) { j["erasures"][0]["downtime_seconds"] = 4; });
    CHECK(judge(made, no_downtime).outcome == Outcome::fails);
  }
  SUBCASE("many are counted") {
    for (int seed : {1, 2, 3, 4, 5})
      made.edit("mine", seed, [](auto& j) { j["final"]["mia_auc"] = nullptr; });
    only(equivalence,
         "cells/mine/seed=3 has no membership AUC (summary.json: final.mia_auc is null); 2 more");
  }
  SUBCASE("before the erasure") {
    made.edit("mine", 4, [](auto& j) { j["before_erasure"]["attack_success_rate"] = nullptr; });
    const auto v = judge(made, equivalence);
    CHECK(v.outcome == Outcome::open);
    CHECK(contains(v.reason, "the attack's success before the erasure is not known in cells/mine/seed=4"));
  }
}

TEST_CASE("an arm that restarts is erased when it has forgotten") {
  SyntheticStudy made;
  test::fill_good_study(made);
  const auto study = read_study(made.folder.path());
  const Analysis a(study);
  const auto* retrain = a.figures(*a.study().cells_of(0, study.reference)[0]);
  CHECK(retrain->restarted);
  CHECK(*retrain->latency == 30);
  const auto* mine = a.figures(*a.study().cells_of(0, study.subject)[0]);
  CHECK_FALSE(mine->restarted);
  CHECK(*mine->latency == Approx(2));
  CHECK(*mine->excess.peak == Approx(0.01));
  CHECK(mine->excess.rounds == 10);
}

TEST_CASE("Holm's family is every declared metric of every arm") {
  SyntheticStudy made;
  test::fill_good_study(made);
  const auto study = read_study(made.folder.path());
  const Analysis a(study);
  std::vector<double> p, adjusted;
  for (const auto& c : a.comparisons(0))
    if (c.holm_p) {
      p.push_back(*c.paired.p);
      adjusted.push_back(*c.holm_p);
    } else {
      const auto& family = study.statistics.family;
      CHECK(std::find(family.begin(), family.end(), c.metric->name) == family.end());
    }
  CHECK(p.size() == 3 * 4);  // three metrics of four arms
  CHECK(adjusted == figures::holm(p));
}
