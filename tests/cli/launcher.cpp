/// The launcher as a user meets it: verbs, exit statuses, the run's folder, the reference.
#include <nlohmann/json.hpp>
#include <string>

#include "config/loader.hpp"
#include "config/writer.hpp"
#include "methods/registry.hpp"
#include "study/plan.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;
namespace fs = std::filesystem;

TEST_CASE("configs/reference.toml is what the options say") {
  CHECK(content(fs::path(AFU_SOURCE_DIR) / "configs/reference.toml") ==
        config::reference_toml(methods::method_sections()));
}

TEST_CASE("every scenario and every study in configs/ loads") {
  int count = 0;
  for (const auto& e : fs::recursive_directory_iterator(fs::path(AFU_SOURCE_DIR) / "configs")) {
    if (e.path().extension() != ".toml") continue;
    ++count;
    CAPTURE(e.path().string());
    if (e.path().parent_path().filename() == "studies") {
      CHECK_NOTHROW(study::make_plan(study::load_study(e.path().string())));
      continue;
    }
    CHECK_NOTHROW(config::load_scenario(e.path().string(), {}, methods::method_sections()));
  }
  CHECK(count >= 15);
}

TEST_CASE("a run writes its folder once, and its summary keeps the contract") {
  Folder f;
  std::ofstream(f.path / "tiny.toml") << tiny;
  const auto run = "run " + (f.path / "tiny.toml").string() + " -o " + (f.path / "r").string();
  const auto first = afu_command(f, run);
  CHECK(first.status == 0);
  CHECK(first.out.find("before erasure") != std::string::npos);
  for (const char* name : {"scenario.toml", "metrics.csv", "requests.csv", "events.jsonl", "trace.json",
                           "model.pt", "summary.json"})
    CHECK(fs::file_size(f.path / "r" / name) > 0);
  const auto summary = nlohmann::json::parse(content(f.path / "r/summary.json"));
  for (const char* key :
       {"schema", "context", "method", "clock", "final", "before_erasure", "erasures", "counters",
        "virtual_seconds", "wall_seconds", "overrun_share", "peak_rss_bytes", "model_sha256"})
    CHECK(summary.contains(key));
  CHECK(summary.size() == 13);
  CHECK(summary["final"]["attack_success_rate"].is_null());  // no backdoor
  CHECK(summary["overrun_share"].is_null());                 // virtual clock
  CHECK(summary["counters"]["updates"] == 12);
  CHECK_FALSE(nlohmann::json::parse(content(f.path / "r/trace.json")).empty());

  const auto second = afu_command(f, run);
  CHECK(second.status == 2);
  CHECK(second.err.find("--force") != std::string::npos);
  const auto again =
      afu_command(f, "run " + (f.path / "r/scenario.toml").string() + " -q -o " + (f.path / "r2").string());
  CHECK(again.status == 0);
  CHECK(again.out.empty());
  CHECK(content(f.path / "r/events.jsonl") == content(f.path / "r2/events.jsonl"));
}

TEST_CASE("runs are attacked and compared with retrained ones") {
  Folder f;
  std::ofstream(f.path / "tiny.toml") << tiny;
  const auto run = [&](const char* name, const std::string& set) {
    const auto folder = (f.path / name).string();
    const auto a = afu_command(f, "run " + (f.path / "tiny.toml").string() + " -q -o " + folder + set);
    CHECK(a.status == 0);
    return folder;
  };
  const auto ours = run("ours", " --set output.snapshots=true");
  const auto first = run("first", " --set unlearning.method=retrain --set model.init_seed=11");
  const auto second = run("second",
                          " --set unlearning.method=retrain --set model.init_seed=12 --set "
                          "evaluation.attacks=none");
  const auto attacks = content(f.path / "ours/attacks.csv");
  CHECK(attacks.find("point,version,updates,time,attack,figure,value\nbefore,") == 0);
  CHECK(attacks.find("\nfinal,") > attacks.find("\nmerged,"));
  CHECK_FALSE(fs::exists(f.path / "second/attacks.csv"));
  CHECK(nlohmann::json::parse(content(f.path / "ours/summary.json"))["context"]["attacks"]["loss"].contains(
      "auc"));
  CHECK(nlohmann::json::parse(content(f.path / "second/summary.json"))["context"]["attacks"].is_null());
  for (const char* point : {"before", "merged", "final"})
    CHECK(fs::exists(f.path / "ours" / (std::string("snapshot_") + point + ".pt")));

  const auto csv = (f.path / "distances.csv").string();
  const auto compare = afu_command(f, "compare " + ours + " " + first + " --reference " + first +
                                          " --reference " + second + " --csv " + csv);
  CHECK(compare.status == 0);
  CHECK(compare.out.find("among references") != std::string::npos);
  CHECK(compare.err.empty());
  const auto rows = content(csv);
  CHECK(rows.find("run,reference,set,figure,value\n") == 0);
  CHECK(rows.find("\n" + first + "," + second + ",forget,js,") != std::string::npos);
  CHECK(rows.find("\n" + first + "," + first + ",") == std::string::npos);  // itself
  CHECK(rows.find("\nreferences,mean,membership,dmia_distance,") != std::string::npos);
  CHECK(rows.find("\n" + ours + ",mean,parameters,relative,") != std::string::npos);
  // The final snapshot is the final model.
  const auto again = afu_command(f, "compare " + ours + " " + first + " --snapshot final --reference " +
                                        first + " --reference " + second);
  CHECK(again.status == 2);  // `first` was run without snapshots
  CHECK(again.err.find("snapshot_final.pt") != std::string::npos);
  const auto one = afu_command(f, "compare " + ours + " --reference " + first).out;
  CHECK(afu_command(f, "compare " + ours + " --snapshot final --reference " + first).out == one);
  CHECK(one.find("among references") == std::string::npos);

  const auto alike = run("alike", " --set model.init_seed=11");
  CHECK(afu_command(f, "compare " + alike + " --reference " + first).err.find("began with the weights of") !=
        std::string::npos);

  const auto other = run("other", " --set data.train_samples=80 --set unlearning.method=retrain");
  const auto mixed = afu_command(f, "compare " + ours + " --reference " + other);
  CHECK(mixed.status == 2);
  CHECK(mixed.err.find("data.train_samples is 120, not 80") != std::string::npos);
  CHECK(afu_command(f, "compare " + ours + " --reference " + (f.path / "none").string()).status == 2);
}

TEST_CASE("mistakes exit with 2 and name their place") {
  Folder f;
  std::ofstream(f.path / "bad.toml") << "[training]\nlr = 3.0\nepoch = 2\n[stop]\nupdates = 3\n";
  const auto bad = afu_command(f, "run " + (f.path / "bad.toml").string());
  CHECK(bad.status == 2);
  CHECK(bad.err.find("bad.toml:2:6: training.lr: 3.0") != std::string::npos);
  CHECK(bad.err.find("local_epochs") != std::string::npos);
  std::ofstream(f.path / "tiny.toml") << tiny;
  const auto form =
      afu_command(f, "check " + (f.path / "tiny.toml").string() +
                         " --set unlearning.method=none --set unlearning.coordination=blocking");
  CHECK(form.status == 2);
  CHECK(form.err.find("\"none\"") != std::string::npos);
  CHECK(afu_command(f, "").status == 2);
  CHECK(afu_command(f, "fly").status == 2);
  CHECK(afu_command(f, "--help").status == 0);
  CHECK(afu_command(f, "data " + (f.path / "none.npz").string()).status == 2);
}

TEST_CASE("commands that cannot be understood are told in order, with the nearest verb or option") {
  Folder f;
  const auto refused = [&](const std::string& arguments) {
    const auto a = afu_command(f, arguments);
    CHECK(a.status == 2);
    CHECK(a.out.empty());
    return a.err;
  };
  const auto first = [](const std::string& text) { return text.substr(0, text.find('\n')); };
  const auto fly = refused("frun");
  CHECK(first(fly) == "afu: unknown verb \"frun\", did you mean run?");
  CHECK(fly.find("\nverbs: run, study, report, ") != std::string::npos);
  CHECK(fly.find("\nafu --help tells more\n") != std::string::npos);
  CHECK(first(refused("")) == "afu: a verb is missing");
  const auto bench = refused("bench");
  CHECK(first(bench) == "afu bench: a verb is missing");
  CHECK(bench.find("\nverbs: train, aggregate, events, scale, calibrate, checkpoint\n") != std::string::npos);
  CHECK(first(refused("bench trian")) == "afu bench: unknown verb \"trian\", did you mean train?");
  CHECK(first(refused("--log-level debug run x.toml")) == "afu: unknown option --log-level");
  CHECK(first(refused("--log-level")) == "afu: unknown option --log-level");
  const auto help = afu_command(f, "--help").out;
  int verbs = 0;
  for (auto at = fly.find("verbs: ") + 7; at < fly.find('\n', fly.find("verbs: ")); ++verbs) {
    const auto verb = fly.substr(at, fly.find_first_of(",\n", at) - at);
    at += verb.size() + 2;
    CAPTURE(verb);
    CHECK(help.find("\n  " + verb + " ") != std::string::npos);
    CHECK(first(refused(verb + " --first=1 --second x --third")) ==
          "afu " + verb + ": unknown options --first, --second, --third");
  }
  CHECK(verbs == 13);
  CHECK(first(refused("run x.toml --log-level debug")) == "afu run: unknown option --log-level");
  CHECK(first(refused("run x.toml --ouput y")) == "afu run: unknown option --ouput, did you mean --output?");
  CHECK(first(refused("run x.toml y.toml z.toml")) == "afu run: nothing takes y.toml z.toml");
  CHECK(first(refused("run")) == "afu run: scenario is required");
  CHECK(first(refused("completions bsh")) ==
        "afu completions: shell: \"bsh\" is unknown, did you mean \"bash\"?");
  for (const char* text : {"ubcommand", "SUBCOMMAND"}) CHECK(help.find(text) == std::string::npos);
  CHECK(help.find("SVG") != std::string::npos);
}

TEST_CASE("a file that is missing is told as all else is, and data that a script fetches with the script") {
  Folder f;
  const auto none = (f.path / "none.toml").string();
  CHECK(afu_command(f, "run " + none).err == "afu: " + none + ": no such file\n");
  CHECK(afu_command(f, "study " + none).err == "afu: " + none + ": no such file\n");
  const auto file = (f.path / "s.toml").string();
  std::ofstream(file) << "[data]\nsource = \"npz\"\npath = \"octmnist.npz\"\n[stop]\nupdates = 1\n";
  for (const std::string verb : {"check ", "run ", "data "}) {
    CAPTURE(verb);
    const auto told = afu_command(f, verb + file + " --set data.path=pathmnist.npz");
    CHECK(told.status == 2);
    CHECK(told.err.find("afu: --set data.path: pathmnist.npz: no such file or folder") == 0);
    CHECK(told.err.find("tools/fetch_medmnist.sh pathmnist fetches it") != std::string::npos);
  }
}

TEST_CASE("what the data refuse of a key is told at its place") {
  Folder f;
  const auto file = (f.path / "s.toml").string();
  std::ofstream(file) << tiny << "[data.backdoor]\ntrigger = \"none\"\n";
  const auto told = afu_command(f, "check " + file + " --set partition.scheme=subject").err;
  CHECK(told.find("afu: --set partition.scheme = \"subject\": the data set does not tell its subjects") == 0);
  CHECK(told.find("OASn_nnnn_") != std::string::npos);
  CHECK(told.find("train_subjects") != std::string::npos);
  std::ofstream(file, std::ios::app) << "[partition.shift]\n";
  std::ofstream(f.path / "t.toml") << "include = \"s.toml\"\n[partition]\nscheme = \"subject\"\n";
  const auto at = (f.path / "t.toml").string();
  for (const std::string verb : {"check ", "data ", "run "})
    CHECK(afu_command(f, verb + at).err.find(at + ":3:10: partition.scheme = \"subject\"") !=
          std::string::npos);
}

TEST_CASE("a request that the data cannot serve is refused by check and run alike, before a folder is made") {
  Folder f;
  std::ofstream(f.path / "tiny.toml") << tiny;
  const auto file = (f.path / "tiny.toml").string();
  const auto refused = [&](const std::string& set, const std::string& what) {
    CAPTURE(set);
    for (const std::string verb : {"check ", "run "}) {
      const auto folder = f.path / "refused";
      const auto a =
          afu_command(f, verb + file + set + (verb == "run " ? " -o " + folder.string() : std::string()));
      CHECK(a.status == 2);
      CHECK(a.out.empty());
      CHECK(a.err.find(what) != std::string::npos);
    }
  };
  refused(" --set erasure[0].scope=samples --set erasure[0].fraction=0.01",
          "erasure[0].fraction: 0.01 of client 1's");
  refused(
      " --set unlearning.method=none --set partition.scheme=pathological --set "
      "partition.classes_per_client=1 --set partition.clients=2 --set "
      "'erasure=[{scope=\"class\",class=0,at_update=3}]'",
      "erasure[0]: it takes all");
  const auto told = afu_command(f, "check " + file + " --set partition.holdout_fraction=0");
  CHECK(told.status == 0);
  CHECK(told.err.find("afu: warning: erasure[0]: client 1 has no held-out sample") != std::string::npos);
  CHECK(told.out.find("holdout_fraction = 0.0") != std::string::npos);
}

TEST_CASE("the methods' list says why a scope is missing") {
  Folder f;
  const auto methods = afu_command(f, "methods");
  CHECK(methods.status == 0);
  CHECK(methods.out.find("not class: it subtracts the sum of a client's whole contributions") !=
        std::string::npos);
  CHECK(methods.out.find("scopes: client, samples, subject, class") != std::string::npos);
}

TEST_CASE("devices are listed, as JSON too, and probed when asked") {
  Folder f;
  CHECK(afu_command(f, "devices").out.find("lanes by default") != std::string::npos);
  const auto listed = nlohmann::json::parse(afu_command(f, "devices --json").out);
  CHECK(listed.at("devices").at(0).at("name") == "cpu");
  CHECK_FALSE(listed.at("devices").at(0).contains("probe"));
  const auto probed = nlohmann::json::parse(afu_command(f, "devices --probe --json").out);
  const auto& cpu = probed.at("devices").at(0).at("probe");
  CHECK(cpu.at("copy_bytes_per_second") > 1e8);
  CHECK(cpu.at("matmul_flops_per_second") > 1e8);
  CHECK(cpu.at("launch_seconds") > 0);
  CHECK(cpu.at("replay_seconds").is_null());
  CHECK(afu_command(f, "devices --probe").out.find("handed to another thread and back") != std::string::npos);
}

TEST_CASE("benches print a table and write their result with where it was measured") {
  Folder f;
  const auto path = (f.path / "bench.json").string();
  const auto measured = [&](const std::string& arguments) {
    const auto answer = afu_command(f, "bench " + arguments + " --json " + path);
    REQUIRE(answer.status == 0);
    CHECK_FALSE(answer.out.empty());
    auto j = nlohmann::json::parse(content(path));
    CHECK(j.at("versions").contains("LibTorch"));
    CHECK_FALSE(j.at("processor").get<std::string>().empty());
    return j;
  };
  const auto train = measured("train --model logreg --steps 2 --batch 4 --lanes 1 --repetitions 1");
  CHECK(train.at("rows").size() == 3);
  CHECK(train.at("rows").at(0).at("engine") == "fused");
  CHECK(train.at("device") == "cpu");
  const auto lanes =
      measured("train --model logreg --steps 2 --batch 4 --lanes 1,3 --repetitions 1").at("rows");
  CHECK(lanes.size() == 6);
  CHECK(lanes.at(3).at("lanes") == 3);
  CHECK(afu_command(f, "bench train --device cuda:77").status == 2);
  CHECK(afu_command(f, "bench train --precision tf32").status == 2);
  const auto merges = measured("aggregate --model logreg --repetitions 1");
  CHECK(merges.at("rows").size() == 5);
  const auto events = measured("events --clients 10 20");
  CHECK(events.at("rows").at(1).at("clients") == 20);
  CHECK(events.at("rows").at(1).at("events") > 9000);
  const auto scale = measured("scale --clients 10 2000");
  CHECK(scale.at("rows").at(0).at("bytes_per_further_client").is_null());
  CHECK(scale.at("rows").at(1).at("bytes_per_further_client") > 100);
  CHECK(scale.at("rows").at(1).at("events_per_second") > 0);
  CHECK(scale.at("rows").at(1).at("cpu_microseconds_per_event") >
        scale.at("rows").at(1).at("queue_microseconds_per_event"));
  const auto calibrate =
      measured("calibrate --model logreg --environments 2 --images 3 --steps 1 --repetitions 1");
  CHECK(calibrate.at("rows").size() == 8);
  CHECK(calibrate.at("rows").at(0).at("arm") == "none");
  const auto checkpoint = measured(
      "checkpoint --models logreg --seconds 0.5 --every 0.05 --updates 50 --resumed logreg --folder " +
      f.path.string());
  CHECK(checkpoint.at("resumed").at("results") >= 50);
  CHECK(checkpoint.at("resumed").at("updates") >= 50);
  CHECK(checkpoint.at("rows").at(0).at("model_bytes") > 0);
  CHECK(checkpoint.at("rows").at(0).at("updates") > 0);
  CHECK(afu_command(f, "bench").status == 2);
}
