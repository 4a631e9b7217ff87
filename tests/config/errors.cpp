// Every message a wrong scenario gets, word by word.
#include <doctest/doctest.h>

#include <set>
#include <sstream>

#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;
using Messages = std::vector<std::string>;

namespace {

/// The messages of `text` in a scenario that is good otherwise; `text` begins in line 1.
Messages with_stop(const std::string& text) { return errors_of(text + "\n[stop]\nupdates = 200\n"); }

}  // namespace

TEST_CASE("values out of range") {
  CHECK(with_stop("[training]\nlr = 3.0") == Messages{"s.toml:2:6: training.lr: 3.0 is outside (0, 1]"});
  CHECK(with_stop("[training]\nlr = 0") == Messages{"s.toml:2:6: training.lr: 0 is outside (0, 1]"});
  CHECK(with_stop("[training]\n  lr =   -1e-3") ==
        Messages{"s.toml:2:10: training.lr: -0.001 is outside (0, 1]"});
  CHECK(with_stop("[training]\nclip_norm = -1.5") ==
        Messages{"s.toml:2:13: training.clip_norm: -1.5 is outside [0, inf)"});
  CHECK(with_stop("partition.clients = 0") ==
        Messages{"s.toml:1:21: partition.clients: 0 is outside [1, 10000000]"});
  CHECK(with_stop("[scenario]\nseed = -1") == Messages{"s.toml:2:8: scenario.seed: -1 is outside [0, inf)"});
  CHECK(with_stop("[training]\nlr = nan") ==
        Messages{"s.toml:2:6: training.lr: nan is not finite, allowed is a number in (0, 1]"});
  CHECK(errors_of("[stop]\nseconds = inf") ==
        Messages{"s.toml:2:11: stop.seconds: inf is not finite, allowed is a number in [0, 1000000000000]"});
}

TEST_CASE("values of another type") {
  CHECK(with_stop("[training]\nlr = \"fast\"") ==
        Messages{"s.toml:2:6: training.lr: \"fast\" is a string, allowed is a number in (0, 1]"});
  CHECK(
      with_stop("[training]\nbatch_size = 8.0") ==
      Messages{
          "s.toml:2:14: training.batch_size: 8.0 is a real number, allowed is a whole number in [1, 65536]"});
  CHECK(with_stop("[output]\ntrace = 1") ==
        Messages{"s.toml:2:9: output.trace: 1 is a whole number, allowed is true or false"});
  CHECK(with_stop("[scenario]\nname = true") ==
        Messages{"s.toml:2:8: scenario.name: true is a boolean, allowed is a string"});
  CHECK(with_stop("[scenario]\nname = 2026-01-01") ==
        Messages{"s.toml:2:8: scenario.name: the value is a date or time, allowed is a string"});
  CHECK(with_stop("training = 3") ==
        Messages{"s.toml:1:12: training: 3 is a whole number, allowed is a section, [training]"});
  CHECK(with_stop("[erasure]\nclient = 1") ==
        Messages{"s.toml:1:1: erasure: the value is a table, allowed is an array of tables, [[erasure]]"});
  CHECK(with_stop("[compute]\ndevices = [\"cpu\", 3]") ==
        Messages{"s.toml:2:19: compute.devices[1]: 3 is a whole number, allowed is a string"});
}

TEST_CASE("unknown choices come with the nearest known one, or else with all") {
  CHECK(with_stop("[training]\nrule = \"fedsgd\"") ==
        Messages{"s.toml:2:8: training.rule: \"fedsgd\" is unknown, allowed are \"async_delta\", \"fedavg\", "
                 "\"fedasync\", \"fedbuff\", \"aso_fed\", \"port\""});
  CHECK(with_stop("[scenario]\nclock = \"real\"") ==
        Messages{"s.toml:2:9: scenario.clock: \"real\" is unknown, allowed are \"virtual\", \"wall\""});
  CHECK(with_stop("[unlearning]\nmethod = \"fedquitt\"") ==
        Messages{"s.toml:2:10: unlearning.method: \"fedquitt\" is unknown, did you mean \"fedquit\"?"});
  CHECK(with_stop("[unlearning]\nmethod = \"scrub\"") ==
        Messages{"s.toml:2:10: unlearning.method: \"scrub\" is unknown, allowed are \"afu_ic\", \"fedquit\", "
                 "\"gradient_ascent\", \"none\", \"pga\", \"retrain\""});
  CHECK(with_stop("[scenario]\nclock = \"vitual\"") ==
        Messages{"s.toml:2:9: scenario.clock: \"vitual\" is unknown, did you mean \"virtual\"?"});
  CHECK(with_stop("[compute]\ndevices = [\"cpu\", \"gpu\"]") ==
        Messages{"s.toml:2:19: compute.devices[1]: \"gpu\" is no device, allowed are \"cpu\", \"cuda\", "
                 "\"cuda:0\", ..."});
}

TEST_CASE("the default method must be registered too") {
  try {
    parse_scenario("[stop]\nupdates = 1", "s.toml", {}, {{"none", "Leaves.", {}}});
    FAIL("it loaded");
  } catch (const ConfigError& e) {
    CHECK(e.messages() ==
          Messages{"s.toml:1:1: unlearning.method: \"afu_ic\" is unknown, allowed are \"none\""});
  }
}

TEST_CASE("unknown keys come with the nearest known one") {
  SUBCASE("a slip of the finger") {
    CHECK(with_stop("[training]\nmomentun = 0.5") ==
          Messages{"s.toml:2:1: training.momentun: unknown key, did you mean momentum?"});
    CHECK(with_stop("[training]\nbatchsize = 8") ==
          Messages{"s.toml:2:1: training.batchsize: unknown key, did you mean batch_size?"});
  }
  SUBCASE("what others call it") {
    CHECK(with_stop("[training]\nepoch = 3") ==
          Messages{"s.toml:2:1: training.epoch: unknown key, did you mean local_epochs?"});
    CHECK(with_stop("[training]\nlearning_rate = 3") ==
          Messages{"s.toml:2:1: training.learning_rate: unknown key, did you mean lr?"});
  }
  SUBCASE("the right key in the wrong section") {
    CHECK(with_stop("[training]\nseed = 3") ==
          Messages{"s.toml:2:1: training.seed: unknown key, did you mean scenario.seed?"});
    CHECK(with_stop("lr = 0.1") == Messages{"s.toml:1:1: lr: unknown key, did you mean training.lr?"});
  }
  SUBCASE("nothing is near") {
    CHECK(with_stop("[model]\nqqqqq = 3") ==
          Messages{
              "s.toml:2:1: model.qqqqq: unknown key, allowed are name, hidden, norm, path, init, init_seed"});
  }
  SUBCASE("in an array of tables, and in a method's section") {
    CHECK(with_stop("[[erasure]]\nclient = 1\nat_updates = 9\nat_seconds = 2") ==
          Messages{"s.toml:3:1: erasure[0].at_updates: unknown key, did you mean at_update?"});
    CHECK(with_stop("[unlearning.fedquit]\nepoch = 9") ==
          Messages{"s.toml:2:1: unlearning.fedquit.epoch: unknown key, did you mean epochs?"});
  }
  SUBCASE("of the sections none is listed twice") {
    const auto listed = with_stop("nokey = 1");
    REQUIRE(listed.size() == 1);
    std::multiset<std::string> names;
    std::istringstream words(listed[0].substr(listed[0].find("sections ") + 9));
    for (std::string word; words >> word;) names.insert(word.substr(0, word.find(',')));
    CHECK(names.size() > 10);
    for (const auto& name : names) CHECK_MESSAGE(names.count(name) == 1, name);
    CHECK(names.count("calibration") == 1);
    CHECK(names.count("erasure") == 1);
  }
  SUBCASE("a study") {
    CHECK(
        errors_of("[study]\nbase = \"b.toml\"\n[[arm]]\nname = \"a\"") ==
        Messages{
            "s.toml:1:2: study: this file is a study, not a scenario: `afu study s.toml --plan` checks it and "
            "prints its cells, without --plan it runs"});
  }
  SUBCASE("sections") {
    CHECK(with_stop("[trainin]\nlr = 1") ==
          Messages{"s.toml:1:2: trainin: unknown section, did you mean training?"});
    CHECK(with_stop("[unlearning.pgd]") ==
          Messages{"s.toml:1:13: unlearning.pgd: unknown section, did you mean unlearning.pga?"});
    CHECK(with_stop("[heterogeneity.qqqqqqqq]") ==
          Messages{"s.toml:1:16: heterogeneity.qqqqqqqq: unknown section, allowed are compute, network, "
                   "availability"});
  }
}

TEST_CASE("distributions") {
  auto slowdown = [](const std::string& v) { return with_stop("[heterogeneity.compute]\nslowdown = " + v); };
  const std::string key = "heterogeneity.compute.slowdown";
  CHECK(slowdown("0") == Messages{"s.toml:2:12: " + key + ": 0 is outside (0, 1000000000000]"});
  CHECK(slowdown("{ distribution = \"constant\", value = 0 }") ==
        Messages{"s.toml:2:49: " + key + ".value: 0 is outside (0, 1000000000000]"});
  CHECK(slowdown("\"slow\"") ==
        Messages{"s.toml:2:12: " + key +
                 ": \"slow\" is a string, allowed is a number in (0, 1000000000000], or { distribution = "
                 "\"...\", ... }"});
  CHECK(slowdown("{ distribution = \"gauss\" }") ==
        Messages{"s.toml:2:29: " + key +
                 ".distribution: \"gauss\" is unknown, allowed are \"constant\", \"uniform\", \"normal\", "
                 "\"lognormal\", \"exponential\", \"pareto\", \"zipf\", \"trace\""});
  CHECK(slowdown("{ distribution = \"lognormal\", median = -2, mean = 1 }") ==
        Messages{
            "s.toml:2:51: " + key + ".median: -2 is outside (0, 1000000000000]",
            "s.toml:2:55: " + key + ".mean: unknown parameter of \"lognormal\", allowed are median, sigma"});
  CHECK(slowdown("{ median = 1 }")
            .at(0)
            .find("s.toml:2:12: " + key + ": distribution is missing, allowed are") == 0);
  auto crossed = slowdown("{ distribution = \"uniform\", min = 3, max = 1 }");
  REQUIRE(crossed.size() == 1);
  CHECK(crossed[0].find("s.toml:2:12: " + key + ": ") == 0);
}

TEST_CASE("syntax errors") {
  CHECK(errors_of("[stop]\nupdates = \n") ==
        Messages{"s.toml:2:11: Error while parsing key-value pair: expected value, saw '\\n'"});
  CHECK(errors_of("[stop]\nupdates = 1\nupdates = 2\n") ==
        Messages{
            "s.toml:3:11: Error while parsing key-value pair: cannot redefine existing integer 'updates'"});
}

TEST_CASE("all errors come at once, in the order of the lines; overrides last") {
  auto all = errors_of(R"([training]
epoch = 3
lr = 3.0
rule = "fedsgd"
[[erasure]]
client = 9
at_round = 3
[stop]
rounds = 5
)",
                       {"training.momentum=2", "nonsense"});
  const std::string rules = R"("async_delta", "fedavg", "fedasync", "fedbuff", "aso_fed", "port")";
  CHECK(all == Messages{
                   "s.toml:2:1: training.epoch: unknown key, did you mean local_epochs?",
                   "s.toml:3:6: training.lr: 3.0 is outside (0, 1]",
                   "s.toml:4:8: training.rule: \"fedsgd\" is unknown, allowed are " + rules,
                   "s.toml:6:10: erasure[0].client: 9 is outside [0, 7], partition.clients is 8",
                   "--set nonsense: this override is malformed, allowed is section.key=value",
                   "--set training.momentum: 2 is outside [0, 0.9999]",
               });
  try {
    parsed("a = 1\nb = 2\n");
    FAIL("it loaded");
  } catch (const ConfigError& e) {
    CHECK(std::string{e.what()} ==
          e.messages().at(0) + "\n" + e.messages().at(1) + "\n" + e.messages().at(2));
  }
}
