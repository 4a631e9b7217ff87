#include "support.hpp"

using namespace afu;
using namespace afu::test;

TEST_CASE("the log and the model do not depend on the number of lanes") {
  const auto one = play(small, {"compute.lanes=1"});
  REQUIRE(one.result.report.failure == "");
  CHECK(one.result.summary.ended == "completed");
  CHECK(one.result.summary.model_sha256.size() == 64);
  for (const char* lanes : {"compute.lanes=2", "compute.lanes=4"}) {
    const auto more = play(small, {lanes});
    CHECK(more.text == one.text);
    CHECK(more.result.summary.model_sha256 == one.result.summary.model_sha256);
  }
  const auto other = play(small, {"scenario.seed=4"});
  CHECK(other.result.summary.model_sha256 != one.result.summary.model_sha256);
}

TEST_CASE("neither do they where an erasure is calibrated before it is published, nor where it is not") {
  for (const char* publish : {"unlearning.afu_ic.publish=calibrated", "unlearning.afu_ic.publish=at_once"})
    for (const char* rule : {"training.rule=async_delta", "training.rule=fedasync"}) {
      CAPTURE(publish);
      CAPTURE(rule);
      const auto one = play(small, {publish, rule, "compute.lanes=1"});
      const auto three = play(small, {publish, rule, "compute.lanes=3"});
      REQUIRE(one.result.report.failure == "");
      CHECK(one.result.summary.erasures.at(0).outcome == record::RequestOutcome::merged);
      CHECK(three.text == one.text);
      CHECK(three.result.summary.model_sha256 == one.result.summary.model_sha256);
    }
}

TEST_CASE("a device named twice is two, which changes nothing but where jobs run") {
  const auto one = play(small, {"compute.lanes=1"});
  const auto two = play(small, {"compute.lanes=1", "compute.devices=[\"cpu\",\"cpu\"]"});
  CHECK(two.result.summary.devices == std::vector<std::string>{"cpu", "cpu"});
  CHECK(two.text == one.text);
  CHECK(two.result.summary.model_sha256 == one.result.summary.model_sha256);
}

TEST_CASE("on a GPU neither log nor model depend on lanes, nor on whether it counts as two" *
          doctest::test_suite("gpu")) {
  if (device::list_devices().size() == 1) {
    MESSAGE("skipped: no GPU is visible");
    return;
  }
  const auto on = [](const char* devices, const char* lanes) {
    auto p = play(small, {"model.name=cnn_small", devices, lanes});
    REQUIRE(p.result.report.failure == "");
    for (const auto& note : p.result.notes) CHECK(note.find("one by one") == std::string::npos);
    return p;
  };
  const auto one = on("compute.devices=[\"cuda:0\"]", "compute.lanes=1");
  CHECK(one.result.notes.at(0).find("training steps on cuda:0: graph: ") == 0);
  for (const auto& more : {on("compute.devices=[\"cuda:0\"]", "compute.lanes=4"),
                           on("compute.devices=[\"cuda:0\",\"cuda:0\"]", "compute.lanes=2")}) {
    CHECK(more.text == one.text);
    CHECK(more.result.summary.model_sha256 == one.result.summary.model_sha256);
  }
}

TEST_CASE("the last versions are measured though results that nobody will use fill the look-ahead") {
  const auto p = play(small, {"compute.lanes=1", "compute.lookahead=1"});
  CHECK(p.result.summary.ended == "completed");
  CHECK(p.result.summary.final.test_accuracy.has_value());
}

namespace {
/// What retained clients see up to `until`: time, event, direction, job.
std::vector<std::string> seen_by_retained(const Played& p, double until) {
  std::vector<std::string> lines;
  for (const auto& e : p.log) {
    if (!e.contains("event") || e["t"].get<double>() > until) continue;
    const std::string from = e["from"], to = e["to"];
    const auto& who = from.rfind("client/", 0) == 0 ? from : to;
    if (who.rfind("client/", 0) != 0 || who == "client/0") continue;
    lines.push_back(e["t"].dump() + " " + e["event"].dump() + " " + from + ">" + to + " " + e["job"].dump());
  }
  return lines;
}
std::string without_erasure() {
  std::string text = small;
  const auto at = text.find("[[erasure]]");
  text.erase(at, text.find("[stop]") - at);
  text.replace(text.find("[data.backdoor]"), 15, "[data.backdoor]\nclient = 0");
  return text;
}
}  // namespace

TEST_CASE("an erasure by afu_ic makes no retained client wait") {
  const auto with = play(small, {"scenario.execute=timing"});
  const auto without = play(without_erasure(), {"scenario.execute=timing"});
  REQUIRE(with.result.summary.erasures.size() == 1);
  const auto& record = with.result.summary.erasures[0];
  REQUIRE(record.forgotten_at);
  CHECK(*record.downtime_seconds == 0.0);
  const double until = *record.forgotten_at;
  CHECK(*record.merged_at >= *record.requested_at);
  const auto seen = seen_by_retained(with, until);
  CHECK(seen.size() > 20);
  CHECK(seen == seen_by_retained(without, until));
}

TEST_CASE("up to the request, afu_ic's log is byte for byte that of a client that just leaves") {
  const auto ic = play(small), none = play(small, {"unlearning.method=none"});
  auto i = ic.text.find("\"erase_request\""), j = none.text.find("\"erase_request\"");
  REQUIRE(i != std::string::npos);
  CHECK(ic.text.substr(0, i) == none.text.substr(0, j));
}

TEST_CASE("blocking methods halt the federation, concurrent ones do not") {
  for (const char* method : {"pga", "fedquit"}) {
    CAPTURE(method);
    const auto set = std::string("unlearning.method=") + method;
    const auto blocking = play(small, {set});
    REQUIRE(blocking.result.report.failure == "");
    CHECK(*blocking.result.summary.erasures.at(0).downtime_seconds > 0.0);
    CHECK(decisions(blocking, "halted").size() == 1);
    CHECK(decisions(blocking, "resumed").size() == 1);
    const auto concurrent =
        play(small, {set, "unlearning.coordination=concurrent", "unlearning.pga.epochs=1"});
    REQUIRE(concurrent.result.report.failure == "");
    CHECK(*concurrent.result.summary.erasures.at(0).downtime_seconds == 0.0);
    CHECK(concurrent.result.summary.erasures.at(0).forgotten_at.has_value());
    CHECK(decisions(concurrent, "halted").empty());
  }
}
