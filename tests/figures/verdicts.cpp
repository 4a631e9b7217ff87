/// Claims on studies whose figures are known.
#include "figures/verdicts.hpp"

#include <cmath>
#include <string>

#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using afu::test::SyntheticRun;
using afu::test::SyntheticStudy;
using afu::test::text_of;
using doctest::Approx;
using Judge = Verdict (*)(const Analysis&, std::size_t, std::size_t);

namespace {

Verdict judge(const SyntheticStudy& made, Judge claim) {
  const auto study = read_study(made.folder.path());
  return claim(Analysis(study), 0, study.subject);
}

/// A good study but for the subject's runs.
Verdict judge_subject(Judge claim, const std::function<SyntheticRun(std::uint64_t)>& subject,
                      const std::vector<std::uint64_t>& seeds = {1, 2, 3, 4, 5}) {
  SyntheticStudy other(seeds);
  other.arm("mine", "method", false, subject);
  other.arm("retrain", "reference", false, [](std::uint64_t) {
    SyntheticRun r;
    r.latency = 30;
    r.restarted = true;
    return r;
  });
  other.arm("barrier", "method", true, [](std::uint64_t) {
    SyntheticRun r;
    r.latency = 25;
    return r;
  });
  other.manifest["controls"] = {"leak"};
  other.arm("leak", "control", false, [](std::uint64_t seed) { return test::leaking(seed); });
  return judge(other, claim);
}

double step(std::uint64_t seed) { return static_cast<double>(seed) - 3; }  // -2 ... 2: mean 0, sd sqrt(2.5)

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

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

TEST_CASE("a rebound that lasts fails the claim, one that varies leaves it open") {
  const auto with = [](const std::function<double(std::uint64_t, double)>& attack) {
    return judge_subject(no_rebound, [=](std::uint64_t seed) {
      SyntheticRun r;
      r.attack = [=](double t) { return attack(seed, t); };
      return r;
    });
  };
  CHECK(with([](auto, double) { return 0.05; }).outcome == Outcome::holds);
  const auto back = with([](auto, double t) { return 0.03 + 0.05 * t; });
  CHECK(back.outcome == Outcome::fails);
  // E(t) = 0.05 t; the mean over rounds 6 to 10 is 0.4
  CHECK(contains(back.reason, "in rounds 6 to 10, +40.0 pp [+40.0, +40.0], above 5.0 pp"));
  CHECK(with([](auto seed, double t) { return t > 6 && seed > 3 ? 0.3 : 0.03; }).outcome == Outcome::open);
}

TEST_CASE("noise that peaks in every run, each time elsewhere, is no rebound") {
  const auto v = judge_subject(no_rebound, [](std::uint64_t seed) {
    SyntheticRun r;  // 6 pp above in one round of ten, another one in each seed: 1.2 pp of a block's mean
    r.attack = [=](double t) { return t == 2 * static_cast<double>(seed) ? 0.09 : 0.03; };
    return r;
  });
  CHECK(v.outcome == Outcome::holds);
}

TEST_CASE("a rebound that only the tail shows is a rebound") {
  const auto v = judge_subject(no_rebound, [](std::uint64_t) {
    SyntheticRun r;
    r.attack = [](double t) { return t > 6 ? 0.4 : 0.03; };
    return r;
  });
  CHECK(v.outcome == Outcome::fails);
}

TEST_CASE("no control that rebounds after its erasure, no verdict that nothing does") {
  const auto with = [](const std::function<SyntheticRun(std::uint64_t)>& control) {
    SyntheticStudy made;
    made.arm("mine", "method", false, [](std::uint64_t) { return SyntheticRun(); });
    made.arm("retrain", "reference", false, [](std::uint64_t) { return SyntheticRun(); });
    if (control) made.arm("leak", "control", false, control);
    // Its attack stands high from the request on: it held the place of a control that rebounds.
    made.arm("none", "control", false, [](std::uint64_t) {
      SyntheticRun r;
      r.erased = false;
      r.attack = [](double) { return 0.9; };
      return r;
    });
    return judge(made, no_rebound);
  };
  const auto attack = [&](const std::function<double(std::uint64_t, double)>& of) {
    return with([=](std::uint64_t seed) {
      SyntheticRun r;
      r.attack = [=](double t) { return of(seed, t); };
      return r;
    });
  };
  const auto open = [](const Verdict& v, const std::string& why) {
    CAPTURE(v.reason);
    CHECK(v.outcome == Outcome::open);
    CHECK(contains(v.reason, why));
  };
  open(with(nullptr), "no control arm that erased shows");
  open(
      attack([](auto, double) { return 0.03; }),
      "no control arm rebounded after its erasure: the most is +0.0 pp [+0.0, +0.0] in rounds 1 to 6 (leak)");
  // High, but not rising: nothing came back, it never went.
  open(attack([](auto seed, double) { return 0.6 + 0.01 * static_cast<double>(seed); }),
       "no control arm rebounded after its erasure");
  // In one of five seeds: on average 12 pp, with an interval that reaches below 0.
  open(attack([](auto seed, double t) { return seed == 3 && t > 0 ? 0.63 : 0.03; }),
       "the most is +12.0 pp [");
  CHECK(attack([](auto seed, double t) {
          return t > 0 ? 0.2 + 0.01 * static_cast<double>(seed) : 0.03;
        }).outcome == Outcome::holds);
  CHECK(attack([](auto seed, double t) {  // once the calibrator is off
          return t > 6 ? 0.2 + 0.01 * static_cast<double>(seed) : 0.03;
        })
            .outcome == Outcome::holds);
}

TEST_CASE("downtime in one cell fails; throughput needs its interval at the margin") {
  const auto with = [](auto change) {
    return judge_subject(no_downtime, [=](std::uint64_t seed) {
      SyntheticRun r;
      change(r, seed);
      return r;
    });
  };
  const auto halted = with([](SyntheticRun& r, std::uint64_t seed) { r.downtime = seed == 4 ? 2 : 0; });
  CHECK(halted.outcome == Outcome::fails);
  CHECK(contains(halted.reason, "training stood still in 1 of 5 cells"));
  // The 95 % interval has the half-width 1.2417 sd = 1.9633 spread.
  CHECK(with([](SyntheticRun& r, auto s) { r.throughput = 0.97 + 0.010 * step(s); }).outcome ==
        Outcome::holds);
  CHECK(with([](SyntheticRun& r, auto s) { r.throughput = 0.97 + 0.011 * step(s); }).outcome ==
        Outcome::open);
  CHECK(with([](SyntheticRun& r, auto s) { r.throughput = 0.90 + 0.010 * step(s); }).outcome ==
        Outcome::fails);
}

TEST_CASE("latency against the fastest synchronous arm that passes") {
  const auto with = [](auto of_seed) {
    return judge_subject(latency, [=](std::uint64_t seed) {
      SyntheticRun r;
      r.latency = of_seed(seed);
      return r;
    });
  };
  CHECK(with([](auto) { return 2.5; }).outcome == Outcome::holds);  // exactly ten times
  CHECK(with([](auto) { return 2.6; }).outcome == Outcome::fails);
  CHECK(with([](auto s) { return 2.4 + 0.2 * step(s); }).outcome == Outcome::open);
  const auto v = with([](auto) { return 0.0; });  // at the request itself
  CHECK(v.outcome == Outcome::holds);
  CHECK(contains(v.reason, "0.00 s against 25.00 s of barrier"));
  const auto never = judge_subject(latency, [](std::uint64_t) {
    SyntheticRun r;
    r.erased = false;
    return r;
  });
  CHECK(never.outcome == Outcome::fails);
}

TEST_CASE("without a synchronous arm that passes there is nothing to be faster than") {
  SyntheticStudy made;
  made.arm("mine", "method", false, [](std::uint64_t) { return SyntheticRun(); });
  made.arm("retrain", "reference", false, [](std::uint64_t) { return SyntheticRun(); });
  made.arm("barrier", "method", true, [](std::uint64_t) {
    SyntheticRun r;
    r.final.attack_success_rate = 0.5;
    r.attack = [](double) { return 0.5; };
    return r;
  });
  CHECK(judge(made, latency).outcome == Outcome::open);
}

TEST_CASE("where no synchronous arm is shown to pass, the fastest that may is the measure") {
  const auto with = [](double latency_of_mine) {
    SyntheticStudy made;
    const auto arm = [&](const char* name, bool synchronous, double latency, double spread, double attack) {
      made.arm(name, "method", synchronous, [=](std::uint64_t seed) {
        SyntheticRun r;
        r.latency = latency;
        *r.final.test_accuracy += spread * (step(seed) + 2);  // none is too low to pass
        *r.final.attack_success_rate += attack;
        r.attack = [=](double) { return 0.03 + attack; };
        return r;
      });
    };
    arm("mine", false, latency_of_mine, 0, 0);
    made.arm("retrain", "reference", false, [](std::uint64_t) { return SyntheticRun(); });
    arm("different", true, 5, 0, 0.5);
    arm("slow", true, 90, 0.01, 0);
    arm("undecided", true, 25, 0.01, 0);
    return judge(made, latency);
  };
  const auto v = with(2.5);
  CHECK(v.outcome == Outcome::holds);
  CHECK(contains(v.reason, "25.00 s of undecided, the fastest synchronous arm that may pass (a)"));
  CHECK(with(2.6).outcome == Outcome::open);  // it may not pass, and the next is slower
}

TEST_CASE("where nothing was trained, the fastest synchronous arm is the measure") {
  const auto timing = [](double latency) {
    return [=](std::uint64_t) {
      SyntheticRun r;
      r.before = r.final = {};
      r.latency = latency;
      return r;
    };
  };
  SyntheticStudy made;
  made.arm("mine", "method", false, timing(2));
  made.arm("retrain", "reference", false, timing(5));
  made.arm("slow", "method", true, timing(40));
  made.arm("barrier", "method", true, timing(24));
  CHECK(read_study(made.folder.path()).untrained());
  const auto v = judge(made, latency);
  CHECK(v.outcome == Outcome::holds);
  CHECK(contains(v.reason,
                 "2.00 s against 24.00 s of barrier, the fastest synchronous arm (nothing was "
                 "trained, so equivalence is not part of it): 12.0 times shorter"));
  CHECK_FALSE(contains(v.reason, "(a)"));
  CHECK(judge(made, equivalence).outcome == Outcome::open);

  SyntheticStudy alone;
  alone.arm("mine", "method", false, timing(2));
  alone.arm("retrain", "reference", false, timing(5));
  CHECK(judge(alone, latency).reason == "no synchronous arm erased, so there is none to be faster than");

  SyntheticStudy trained;
  test::fill_good_study(trained);
  CHECK_FALSE(read_study(trained.folder.path()).untrained());
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

TEST_CASE("seeds in which the synchronous arm never passes are told") {
  SyntheticStudy made;
  made.arm("mine", "method", false, [](std::uint64_t) { return SyntheticRun(); });
  made.arm("retrain", "reference", false, [](std::uint64_t) { return SyntheticRun(); });
  made.arm("barrier", "method", true, [](std::uint64_t seed) {
    SyntheticRun r;
    r.latency = 25 + 0.1 * static_cast<double>(seed);
    if (seed == 2) r.test = [](double t) { return t == std::floor(t) ? 0.83 : 0.7; };
    return r;
  });
  CHECK(
      contains(judge(made, latency).reason,
               "without 1 seed in which barrier never passes and stays so, cells/barrier/seed=2 the first"));
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

TEST_CASE("a classifier that gives every image the same answer is not equivalent to one that does too") {
  using test::constant_classifier;
  using test::FidelityStudy;
  using test::sound_classifier;
  const std::pair<const char*, const char*> metrics[] = {
      {"test_accuracy",
       "retrain's test accuracy at once 50.0 % is not clearly above a constant classifier's 50.0 %"},
      {"balanced_accuracy",
       "retrain's balanced accuracy at once 33.3 % is not clearly above a constant classifier's 33.3 %"},
      {"test_auc", "retrain's test AUC at once 0.500 is not clearly above a constant classifier's 0.500"},
      {"test_loss", "retrain's test loss at once 1.040 is not clearly below a constant classifier's 1.040"},
      {"calibration_error", "retrain's test AUC at once 0.500 is not clearly above a constant classifier's"},
      {"brier_score", "retrain's test AUC at once 0.500 is not clearly above a constant classifier's"}};
  for (const auto& [metric, why] : metrics) {
    const std::vector<std::string> family{metric, "attack_success_rate", "mia_auc"};
    CAPTURE(family.front());
    const auto constant = FidelityStudy(family, constant_classifier, constant_classifier);
    const auto v = judge(constant, equivalence);  // it held: five seeds of difference 0
    CHECK(v.outcome == Outcome::open);
    CHECK(contains(v.reason, why));
    CHECK(contains(v.reason, "nothing is claimed about fidelity"));
    const auto sooner = judge(constant, latency);
    CHECK(sooner.outcome == Outcome::open);  // it held: 2 s against 25 s
    CHECK(contains(sooner.reason, "whether mine passes (a) is open"));

    const auto sound = FidelityStudy(family, sound_classifier, sound_classifier);
    CHECK(judge(sound, equivalence).outcome == Outcome::holds);
    CHECK(judge(sound, latency).outcome == Outcome::holds);
    // One that differs from a constant reference is different all the same.
    CHECK(judge(FidelityStudy(family, sound_classifier, constant_classifier), equivalence).outcome ==
          Outcome::fails);
  }
}

TEST_CASE("the lead over a constant classifier is one beyond the margin, in every seed's doubt") {
  const std::vector<std::string> family{"balanced_accuracy", "attack_success_rate", "mia_auc"};
  const auto with = [&](double lead, double spread) {
    auto of = test::sound_classifier;
    of.balanced_accuracy = 1.0 / 3 + lead;
    return judge(test::FidelityStudy(family, of, of, spread), equivalence);
  };
  CHECK(with(0.029, 0).outcome == Outcome::open);
  CHECK(with(0.031, 0).outcome == Outcome::holds);
  // The half-width is 1.5074 spread.
  CHECK(with(0.06, 0.019).outcome == Outcome::holds);
  const auto v = with(0.06, 0.021);
  CHECK(v.outcome == Outcome::open);
  CHECK(contains(v.reason,
                 "39.3 % is not clearly above a constant classifier's 33.3 % (it leads by +6.0 pp [+2.8, "
                 "+9.2], more than 3.0 pp is needed)"));
}

TEST_CASE("a time to a useful model needs one that a constant classifier is not, whatever the family names") {
  const std::vector<std::string> family{"attack_success_rate", "mia_auc"};
  const auto constant = test::FidelityStudy(family, test::constant_classifier, test::constant_classifier);
  CHECK(judge(constant, equivalence).outcome == Outcome::holds);  // it is about forgetting alone
  const auto v = judge(constant, latency);
  CHECK(v.outcome == Outcome::open);
  CHECK(contains(v.reason, "retrain's balanced accuracy at once 33.3 % is not clearly above"));
  const auto sound = test::FidelityStudy(family, test::sound_classifier, test::sound_classifier);
  CHECK(judge(sound, latency).outcome == Outcome::holds);
}

TEST_CASE(
    "runs that do not tell their sets' classes hold nothing by accuracy, and by the AUC what they did") {
  const auto with = [](const char* metric, const char* set) {
    auto made = test::FidelityStudy({metric, "attack_success_rate", "mia_auc"}, test::sound_classifier,
                                    test::sound_classifier);
    made.edit("retrain", 4, [&](auto& j) { j["context"][set] = nullptr; });
    return judge(made, equivalence);
  };
  for (const char* metric : {"test_accuracy", "balanced_accuracy", "test_loss"}) {
    const auto v = with(metric, "test_set");
    CHECK(v.outcome == Outcome::open);
    CHECK(contains(v.reason,
                   "cannot be told, since the summary of cells/retrain/seed=4 does not tell the classes"));
  }
  CHECK(with("retain_accuracy", "retain_set").outcome == Outcome::open);
  CHECK(with("retain_accuracy", "test_set").outcome == Outcome::holds);
  CHECK(with("test_auc", "test_set").outcome == Outcome::holds);
}
