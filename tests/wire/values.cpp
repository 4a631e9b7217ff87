#include "wire/values.hpp"

#include <cstring>
#include <limits>

#include "engine/combine_job.hpp"
#include "job/key.hpp"
#include "lane/job_types.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;

namespace {

/// Two ends in one process.
struct Ends {
  wire::PeerVectors peer;
  wire::Shelf shelf;
  std::size_t sent = 0;
  wire::NameOf name = [this](const model::ParametersPtr& v) {
    const auto named = peer.name(v);
    if (named.bytes) shelf.put(named.name, *named.bytes), ++sent;
    return named.name;
  };
  wire::VectorOf get = [this](const wire::Name& n) { return shelf.get(n); };
};

std::uint64_t bits_of(double v) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}

train::TrainJob training(const model::ParametersPtr& base) {
  train::TrainJob j;
  j.base = base;
  j.samples = test::rows(3, 40);
  j.sgd.lr = 0.1;
  return j;
}

}  // namespace

TEST_CASE("an assignment arrives as the same jobs, and each of its vectors is sent once") {
  const test::Lane lane("mlp");
  Ends ends;
  const wire::Assignment sent{7,
                              {std::make_shared<const job::Job>(training(lane.initial)),
                               std::make_shared<const job::Job>(training(lane.initial))}};
  for (int i = 0; i < 2; ++i) {
    const auto got = wire::assignment_from(wire::to_frame(sent, ends.name), lane::job_types(), ends.get);
    CHECK(got.number == 7);
    REQUIRE(got.jobs.size() == 2);
    for (std::size_t k = 0; k < 2; ++k)
      CHECK(job::key_of("", *got.jobs[k]) == job::key_of("", *sent.jobs[k]));
  }
  CHECK(ends.sent == 1);
}

TEST_CASE("a job gives the same bytes, computed here or from its bytes") {
  test::Lane lane("mlp");
  Ends ends;
  const wire::Assignment sent{1, {std::make_shared<const job::Job>(training(lane.initial))}};
  const auto got = wire::assignment_from(wire::to_frame(sent, ends.name), lane::job_types(), ends.get);
  const auto here = engine::execute(*lane.workspace, *sent.jobs[0]);
  const auto there = engine::execute(*lane.workspace, *got.jobs[0]);
  REQUIRE(here.error.empty());
  REQUIRE(here.outputs.size() == there.outputs.size());
  for (std::size_t i = 0; i < here.outputs.size(); ++i)
    CHECK(model::sha256(here.outputs[i]) == model::sha256(there.outputs[i]));
}

TEST_CASE("a result arrives with every field, and every number bit for bit") {
  const auto initial = test::Lane("logreg").initial;
  const double negative_nan = -std::numeric_limits<double>::quiet_NaN();
  double odd_nan = 0;
  const std::uint64_t payload = 0x7ff4000000000123u;
  std::memcpy(&odd_nan, &payload, sizeof odd_nan);
  job::JobResult r;
  r.outputs = {initial, nullptr};
  r.figures = {{"loss", negative_nan}, {"accuracy", 0.1}};
  r.numbers = {odd_nan, -0.0, std::numeric_limits<double>::infinity(), 5e-324};
  r.samples = 12;
  r.seconds = 0.25;
  r.error = "no";
  r.out_of_memory = true;
  r.not_finite = 3;
  r.looked_at = true;
  Ends ends;
  const auto got = wire::results_from(wire::to_frame({9, {r, job::JobResult{}}}, ends.name), ends.get);
  CHECK(got.number == 9);
  REQUIRE(got.results.size() == 2);
  const auto& g = got.results[0];
  REQUIRE(g.outputs.size() == 2);
  CHECK(model::sha256(g.outputs[0]) == model::sha256(initial));
  CHECK_FALSE(g.outputs[1]);
  REQUIRE(g.figures.size() == 2);
  for (const auto& [name, value] : r.figures) CHECK(bits_of(g.figures.at(name)) == bits_of(value));
  REQUIRE(g.numbers.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(bits_of(g.numbers[i]) == bits_of(r.numbers[i]));
  CHECK(g.samples == 12);
  CHECK(g.seconds == 0.25);
  CHECK(g.error == "no");
  CHECK(g.out_of_memory);
  CHECK(g.not_finite == std::optional<std::size_t>(3));
  CHECK(g.looked_at);
  CHECK_FALSE(got.results[1].not_finite);
}

TEST_CASE("bytes that are no assignment and no results are refused, wherever they are changed") {
  const test::Lane lane("logreg");
  Ends ends;
  const auto assignment =
      wire::to_frame({7, {std::make_shared<const job::Job>(training(lane.initial))}}, ends.name);
  job::JobResult r;
  r.outputs = {lane.initial};
  const auto results = wire::to_frame({7, {r}}, ends.name);
  const auto refused = [&](const wire::Frame& frame) {
    CHECK_THROWS_AS(wire::assignment_from(frame, lane::job_types(), ends.get), wire::WireError);
    CHECK_THROWS_AS(wire::results_from(frame, ends.get), wire::WireError);
  };
  for (const auto& whole : {assignment, results}) {
    for (std::size_t i = 0; i < whole.bytes.size(); i += 3) {
      CAPTURE(i);
      auto changed = whole;
      changed.bytes[i] ^= 0x10;
      refused(changed);
      changed.bytes.resize(i);
      refused(changed);
    }
  }
  ends.shelf = {};
  CHECK_THROWS_WITH_AS(wire::results_from(results, ends.get), doctest::Contains("is named and was not sent"),
                       wire::WireError);
  const auto nothing =
      wire::written(ends.name, [](job::Sink& to) { to.open_list(1), to.integer(1), to.close(); });
  CHECK_THROWS_WITH_AS(wire::results_from({wire::Kind::results, nothing}, ends.get),
                       "these bytes are no list of results: it holds no result", wire::WireError);
}

TEST_CASE("values of which the bytes are sound and the meaning is not are refused") {
  base::Stream stream({2, base::purpose("test.wire"), 0, 0});
  Ends ends;
  for (int i = 0; i < 400; ++i) {  // sound CBOR under a sound checksum, of any shape
    const auto bytes = job::written([&](job::Sink& to) {
      const auto count = 1 + stream.below(4);
      to.open_list(count);
      for (std::uint64_t k = 0; k < count; ++k) switch (stream.below(5)) {
          case 0:
            to.integer(static_cast<std::int64_t>(stream.next_u64()));
            break;
          case 1:
            to.text(stream.below(2) > 0 ? "train" : std::string(64, 'a'));
            break;
          case 2:
            to.null();
            break;
          case 3:
            to.open_list(2), to.text("train"), to.open_fields(), to.name("base"), to.null(), to.close(),
                to.close();
            break;
          default:
            to.open_fields(), to.name("outputs"), to.open_list(0), to.close(), to.close();
        }
      to.close();
    });
    CHECK_THROWS_AS(wire::assignment_from({wire::Kind::assignment, bytes}, lane::job_types(), ends.get),
                    wire::WireError);
    CHECK_THROWS_AS(wire::results_from({wire::Kind::results, bytes}, ends.get), wire::WireError);
  }
}
