// Training in clusters, and taking one back, without actors (KNOT, Su and Li 2023).
#include <algorithm>
#include <string>
#include <vector>

#include "methods/knot/job.hpp"
#include "server.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

/// Deltas are added as they are. First updates come at 1, 2, 3, ... s, so that the fast half of the four
/// clients is cluster 0.
std::string knot(const std::string& erasures) {
  return "[training]\nserver_lr = 1\nstaleness = \"constant\"\nweight_by_samples = false\n"
         "[unlearning]\nmethod = \"knot\"\n[unlearning.knot]\ndisparity_weight = 0\n" +
         erasures;
}
std::string asks(int client, int at_update, const std::string& more = "") {
  return "[[erasure]]\nclient = " + std::to_string(client) + "\nat_update = " + std::to_string(at_update) +
         "\n" + more;
}
const std::string one_cluster = "unlearning.knot.clusters=1";

double base_of(const Server& s, std::uint32_t client) {
  return s.tasks.at(client).model->values[0].item<double>();
}
record::ErasureRecord erasure(const Server& s, std::size_t i = 0) {
  return s.server->outcome().erasures.at(i).record;
}
int count(const Server& s, record::Decision::Kind kind) {
  return static_cast<int>(
      std::count_if(s.decisions.begin(), s.decisions.end(), [&](const auto& d) { return d.kind == kind; }));
}
using Kind = record::Decision::Kind;

/// The first updates: 1, 2, 4 and 8.
void profile(Server& s) {
  for (std::uint32_t c = 0; c < 4; ++c) s.update(c, 1 << c);
}

}  // namespace

TEST_CASE("clusters are formed once all have trained on the initial model; nothing passes between them") {
  Server s(knot(""));
  s.update(0, 1), s.update(1, 2), s.update(2, 4);
  CHECK(s.tasks.at(0).job == 1);  // nobody gets a second task before
  CHECK(s.server->outcome().version == 0);
  CHECK(s.server->evaluation(0).model->values[0].item<double>() == 0);
  s.update(3, 8);
  std::vector<double> cluster(4, -1);
  for (const auto& d : s.decisions)
    if (d.kind == Kind::assigned) cluster.at(d.client) = d.weight;
  CHECK(cluster == std::vector<double>{0, 0, 1, 1});
  for (std::uint32_t c = 0; c < 4; ++c) {
    CHECK(s.tasks.at(c).job == 2);
    CHECK(base_of(s, c) == (c < 2 ? 3 : 12));
    CHECK(s.tasks.at(c).version == (c < 2 ? 2 : 4));  // one count over all
  }
  CHECK(s.model() == doctest::Approx(7.5));
  s.update(2, 1);
  CHECK(base_of(s, 2) == 13);
  CHECK(s.model() == doctest::Approx(8));
  s.update(0, 1);
  CHECK(base_of(s, 0) == 4);
  CHECK(s.server->outcome().updates == 6);
}

TEST_CASE("clients of like updates share a cluster: cosines come from a lane") {
  Server s(knot(""), {"unlearning.knot.disparity_weight=1", "unlearning.knot.time_weight=0"});
  s.update(0, 1), s.update(1, -1), s.update(2, 3), s.update(3, -1);  // S = 0 1 0 1: the mean is positive
  CHECK(base_of(s, 0) == base_of(s, 2));
  CHECK(base_of(s, 1) == base_of(s, 3));
  CHECK(base_of(s, 0) == 4);
  CHECK(base_of(s, 1) == -2);
}

TEST_CASE("an erasure takes back one cluster, which alone trains again") {
  Server s(knot(asks(0, 6)));
  profile(s);
  const auto old = s.tasks.at(1);
  s.update(2, 1);
  s.update(3, 1);  // now client 0 asks
  CHECK(base_of(s, 1) == 0);
  CHECK(s.tasks.at(1).job == old.job + 1);
  CHECK(s.tasks.at(0).job == 2);
  CHECK(base_of(s, 3) == 14);
  CHECK(s.model() == doctest::Approx(14 * 200 / 300.0));  // by the samples of those who stay
  auto e = erasure(s);
  CHECK(e.merged_at.has_value());
  CHECK(!e.forgotten_at);
  CHECK(e.lost_updates == 1);  // client 1's second
  CHECK(e.updates_lost == 1);  // its first, which was in the cluster's model; the other cluster loses nothing
  CHECK(count(s, Kind::rolled_back) == 1);

  s.take(Update{1, old.job, old.version, old.epoch, 100, 100, s.vector(5), nullptr});
  CHECK(s.decisions.back().kind == Kind::rejected);  // its base predates the roll-back
  s.take(Update{0, 2, old.version, old.epoch, 100, 100, s.vector(5), nullptr});
  CHECK(s.decisions.back().kind == Kind::rejected);
  CHECK(s.model() == doctest::Approx(14 * 200 / 300.0));
  CHECK(erasure(s).lost_updates == 2);

  s.update(2, 1);  // the other cluster goes on: no part of the debt
  CHECK(base_of(s, 2) == 15);
  CHECK(!erasure(s).forgotten_at);
  s.update(1, 3);  // the one that client 1 has lost
  e = erasure(s);
  REQUIRE(e.forgotten_at);
  CHECK(*e.forgotten_at == s.now);
  CHECK(*e.merged_at < *e.forgotten_at);
  CHECK(base_of(s, 1) == 3);
  CHECK(e.client_passes == 100);
  CHECK(s.server->outcome().erasures[0].halted.empty());
  CHECK(e.stored_bytes > 0);
}

TEST_CASE("other clusters do not notice: their models are the same to the bit") {
  const auto text = [](bool asking) {
    return "[training]\nstaleness_a = 0.7\n[unlearning]\nmethod = \"knot\"\n[unlearning.knot]\n"
           "disparity_weight = 0\n" +
           (asking ? asks(0, 8) : "");
  };
  for (const char* rule : {"training.rule=async_delta", "training.rule=fedbuff"}) {
    Server with(text(true), {rule, "training.buffer_size=2"}),
        without(text(false), {rule, "training.buffer_size=2"});
    for (auto* s : {&with, &without}) {
      profile(*s);
      for (int i = 0; i < 6; ++i) {
        s->update(2, 0.1 * i);
        if (s == &without) s->update(0, 1);
        s->update(1, 0.3);
        s->update(2, 0.7), s->update(3, -0.2 * i);
      }
    }
    REQUIRE(erasure(with).forgotten_at);
    CHECK(with.server->outcome().version != without.server->outcome().version);
    for (std::uint32_t c : {2u, 3u})
      CHECK(torch::equal(with.tasks.at(c).model->values, without.tasks.at(c).model->values));
    CHECK(!torch::equal(with.tasks.at(1).model->values, without.tasks.at(1).model->values));
  }
}

TEST_CASE("the checkpoint is from before the target's first contribution, not the initial model") {
  // Client 3 is not waited for; it joins cluster 1 with a first update that is late.
  Server s(knot(asks(3, 6)), {"unlearning.knot.profiled=0.75"});
  s.update(0, 1), s.update(1, 2), s.update(2, 4);
  CHECK(base_of(s, 2) == 4);
  s.update(2, 1);
  s.update(3, 50);
  CHECK(base_of(s, 3) == 55);
  s.update(2, 2);  // now it asks
  CHECK(base_of(s, 2) == 5);
  CHECK(!erasure(s).forgotten_at);
  s.update(0, 1);
  CHECK(!erasure(s).forgotten_at);
  s.update(2, 2);
  CHECK(erasure(s).forgotten_at.has_value());
  CHECK(base_of(s, 2) == 7);
}

TEST_CASE("a second target in a cluster that trains again takes it back further, and the debt adds up") {
  Server s(knot(asks(0, 6) + asks(1, 900)), {one_cluster});
  profile(s);
  s.update(2, 1), s.update(3, 1);  // client 0 asks: 1, 2, 3, 2, 3 are lost; five to make again
  CHECK(base_of(s, 1) == 0);
  s.update(2, 1), s.update(1, 4), s.update(3, 1);
  s.take(EraseRequest{1});  // two to make; the last one is lost: three
  CHECK(count(s, Kind::rolled_back) == 2);
  CHECK(base_of(s, 2) == 1);  // what was made before client 1 took part again stays
  s.update(2, 1), s.update(3, 1);
  CHECK(!erasure(s, 0).forgotten_at);
  CHECK(!erasure(s, 1).forgotten_at);
  s.update(2, 1);
  CHECK(erasure(s, 0).forgotten_at == s.now);
  CHECK(erasure(s, 1).forgotten_at == s.now);
  CHECK(s.server->outcome().erasures[0].halted.size() == 1);  // all are in that cluster
}

TEST_CASE("two targets of a cluster at a time") {
  Server s(knot(asks(0, 6) + asks(1, 6)), {one_cluster});
  profile(s);
  s.update(2, 1), s.update(3, 1);
  CHECK(count(s, Kind::rolled_back) == 1);  // the second has no part in the model any more
  CHECK(base_of(s, 2) == 0);
  for (int i = 0; i < 2; ++i) s.update(2, 1), s.update(3, 1);
  CHECK(!erasure(s, 0).forgotten_at);
  s.update(2, 1);  // the fifth
  CHECK(erasure(s, 0).forgotten_at.has_value());
  CHECK(erasure(s, 1).forgotten_at.has_value());
  CHECK(erasure(s, 0).client_passes == 500);
  CHECK(erasure(s, 1).client_passes == 0);  // borne by the first
}

TEST_CASE("a cluster without members is left out, and owes nothing") {
  Server s(knot(asks(0, 6) + asks(1, 6)));
  profile(s);
  s.update(2, 1), s.update(3, 1);
  CHECK(erasure(s, 0).forgotten_at.has_value());
  CHECK(erasure(s, 1).forgotten_at.has_value());
  CHECK(s.model() == 14);
  s.update(3, 1);
  CHECK(s.model() == 15);
}

TEST_CASE("a target that keeps a part of its samples trains again with the rest") {
  Server s(knot(asks(0, 6, "scope = \"samples\"\nfraction = 0.5\n")));
  profile(s);
  s.update(2, 1), s.update(3, 1);
  CHECK(base_of(s, 0) == 0);
  CHECK(s.tasks.at(0).honours == 1);
  CHECK(s.model() == doctest::Approx(14 * 200 / 350.0));
  s.update(0, 1);
  CHECK(!erasure(s).forgotten_at);  // its own first update is to be made again as well
  s.update(1, 1);
  CHECK(erasure(s).forgotten_at.has_value());
}

TEST_CASE("a request before there are clusters: nobody has anything of the target") {
  Server s(knot(asks(0, 2) + asks(1, 2, "scope = \"samples\"\nfraction = 0.5\n")));
  s.update(0, 1), s.update(1, 2);
  CHECK(erasure(s, 0).forgotten_at == erasure(s, 0).requested_at);
  CHECK(erasure(s, 1).forgotten_at == erasure(s, 1).requested_at);
  CHECK(erasure(s, 0).lost_updates == 1);
  CHECK(s.tasks.at(1).honours == 2);
  s.update(2, 4), s.update(3, 8);
  CHECK(s.server->outcome().version == 0);
  s.update(1, 2);  // with what is left to it
  CHECK(s.server->outcome().version == 3);
  CHECK(count(s, Kind::assigned) == 3);
  CHECK(count(s, Kind::rolled_back) == 0);
  CHECK(s.tasks.at(0).job == 1);
}

TEST_CASE("the last client to be waited for asks while it trains: the others begin") {
  Server s(knot("[[erasure]]\nclient = 3\nat_update = 3\n"));
  s.update(0, 1), s.update(1, 2), s.update(2, 4);
  CHECK(erasure(s).forgotten_at == s.now);
  CHECK(count(s, Kind::assigned) == 3);
  for (std::uint32_t c = 0; c < 3; ++c) CHECK(s.tasks.at(c).job == 2);
}

TEST_CASE("what a cluster's buffer holds is lost with it") {
  Server s(knot(asks(0, 7)), {"training.rule=fedbuff", "training.buffer_size=2"});
  profile(s);
  CHECK(base_of(s, 0) == 1.5);
  s.update(1, 1), s.update(2, 1), s.update(2, 1);  // client 1's waits; client 0 asks
  CHECK(base_of(s, 1) == 0);
  CHECK(erasure(s).lost_updates == 2);  // buffered, and being trained
  s.update(1, 6);
  CHECK(!erasure(s).forgotten_at);
  s.update(1, 8);
  CHECK(erasure(s).forgotten_at.has_value());
  CHECK(base_of(s, 1) == 7);
}

namespace {

const std::string best = "unlearning.knot.variant=code";

/// The calibrator's answer to the last question, for the clusters that were asked about.
void answer(Server& s, const std::vector<double>& accuracies) {
  const auto task = s.calibrations.back();
  auto r = std::make_shared<job::JobResult>();
  r->numbers = accuracies;
  s.take(CalibrateResult{task.request, task.base_version, r});
}
const methods::AccuraciesJob& question(const Server& s) {
  return *s.calibrations.back().job->as<methods::AccuraciesJob>();
}
double asked_about(const Server& s, std::size_t i) {
  return question(s).models.at(i)->values[0].item<double>();
}

}  // namespace

TEST_CASE("the best cluster: its model is published once the calibrator has told, and nobody waits") {
  Server s(knot(""), {best});
  CHECK(s.calibrations.empty());
  profile(s);
  CHECK(s.model() == doctest::Approx(7.5));  // the mean until there is an answer
  REQUIRE(s.calibrations.size() == 1);
  CHECK(s.calibrations[0].request == no_request);
  REQUIRE(question(s).models.size() == 2);
  CHECK(asked_about(s, 0) == 3);
  CHECK(asked_about(s, 1) == 12);
  CHECK(s.calibrations[0].passes == doctest::Approx(4 * 4 * 2 / 3.0));

  s.update(0, 1);  // while it is being computed nothing else is asked, and training goes on
  CHECK(s.calibrations.size() == 1);
  CHECK(base_of(s, 0) == 4);
  answer(s, {0.5, 0.75});
  CHECK(s.model() == 12);
  CHECK(count(s, Kind::chosen) == 1);
  CHECK(s.decisions.back().weight == 1);
  REQUIRE(s.calibrations.size() == 2);  // now about what is new, which is one cluster
  REQUIRE(question(s).models.size() == 1);
  CHECK(asked_about(s, 0) == 4);

  s.update(2, 1);  // the best cluster's newest model is published
  CHECK(s.model() == 13);
  s.update(0, 1);  // another one's is not
  CHECK(s.model() == 13);
  CHECK(base_of(s, 0) == 5);
  const auto version = s.server->outcome().version;
  answer(s, {0.75});  // as good: the first of several is taken, as in the code
  CHECK(s.model() == 5);
  CHECK(s.server->outcome().version == version + 1);
  CHECK(count(s, Kind::chosen) == 2);
  answer(s, {0.25, 0.5});
  CHECK(s.model() == 13);
}

TEST_CASE("the best cluster: one that is rolled back is not published before it is measured again") {
  Server s(knot(asks(0, 6)), {best});
  profile(s);
  answer(s, {0.9, 0.3});
  CHECK(s.model() == 3);
  s.update(2, 1);
  const auto asked = s.calibrations.size();
  s.update(3, 1);  // client 0 asks: its cluster's model was published, now the other's is
  CHECK(s.model() == 14);
  CHECK(s.calibrations.size() == asked);
  answer(s, {0.3});  // of cluster 1
  CHECK(s.model() == 14);
  CHECK(asked_about(s, 0) == 0);  // the model from before client 0 took part
  s.update(1, 3);
  CHECK(erasure(s).forgotten_at == s.now);
  CHECK(s.model() == 14);
  answer(s, {0.1, 0.3});
  CHECK(s.model() == 14);
  answer(s, {0.8});
  CHECK(s.model() == 3);
  CHECK(erasure(s).server_passes == 0);  // the server's own testing
}

TEST_CASE("the best cluster: an answer that a roll-back has overtaken does not count") {
  Server s(knot(asks(0, 6)), {best});
  profile(s);
  s.update(2, 1), s.update(3, 1);  // rolled back while the first question is out
  CHECK(s.model() == doctest::Approx(14 * 200 / 300.0));
  answer(s, {0.9, 0.3});  // 0.9 is of a model that held client 0
  CHECK(s.model() == 14);
}

TEST_CASE("the best cluster: without members it is the best no more") {
  Server s(knot(asks(0, 6) + asks(1, 6)), {best});
  profile(s);
  answer(s, {0.9, 0.3});
  s.update(2, 1), s.update(3, 1);
  CHECK(s.model() == 14);
  for (int i = 0; i < 3; ++i) answer(s, {0.3});
  CHECK(s.model() == 14);
}

TEST_CASE("the best cluster: a timing-only run pays for the measuring") {
  Server s(knot(asks(0, 6)), {best}, true);
  profile(s);
  REQUIRE(s.calibrations.size() == 1);
  CHECK(s.calibrations[0].passes == doctest::Approx(3 * 4 * 2 / 3.0));  // of clients that never ask
  CHECK(!s.calibrations[0].job);
  s.take(CalibrateResult{no_request, s.calibrations[0].base_version, nullptr});
  CHECK(s.calibrations.size() == 1);
  s.update(2, 1);
  CHECK(s.calibrations.size() == 2);
  CHECK(count(s, Kind::chosen) == 0);
}

TEST_CASE("a timing-only run goes the same way") {
  Server s(knot(asks(0, 6)), {}, true);
  profile(s);
  s.update(2, 1), s.update(3, 1);
  CHECK(count(s, Kind::rolled_back) == 1);
  s.update(1, 1);
  CHECK(erasure(s).forgotten_at.has_value());
  CHECK(s.jobs == 0);
}
