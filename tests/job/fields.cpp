#include "job/fields.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "job/bytes.hpp"
#include "job/key.hpp"
#include "tests/engine/fixture.hpp"

namespace afu::test {

enum class Colour { red, green };
AFU_LAST(Colour, green)
struct Part {
  double weight = 0;
  base::IndicesPtr rows;
};
AFU_FIELDS(Part, weight, rows)

/// A value of every kind that a job may hold.
struct SampleJob {
  static constexpr const char* name = "sample";
  bool flag = false;
  std::int64_t count = 0;
  std::uint64_t number = 0;
  double real = 0;
  Colour colour = Colour::red;
  std::string text;
  model::ParametersPtr vector;
  base::IndicesPtr rows;
  base::StreamKey key;
  Part part;
  std::vector<Part> parts;
  std::vector<double> numbers;
  std::pair<double, model::ParametersPtr> pair;
  std::optional<double> optional;
  std::shared_ptr<const Part> shared;
};
AFU_FIELDS(SampleJob, flag, count, number, real, colour, text, vector, rows, key, part, parts, numbers, pair,
           optional, shared)
job::JobResult run(engine::Workspace&, const SampleJob& job) {
  job::JobResult result;
  result.samples = job.count;
  return result;
}

struct OtherJob {
  static constexpr const char* name = "other";
  double real = 0;
};
AFU_FIELDS(OtherJob, real)
job::JobResult run(engine::Workspace&, const OtherJob&) { return {}; }

}  // namespace afu::test

using namespace afu;
using test::OtherJob;
using test::SampleJob;

namespace {

SampleJob full(const test::Lane& lane) {
  SampleJob j;
  j.flag = true;
  j.count = -3;
  j.number = 0xfedcba9876543210ull;
  j.real = 0.1;
  j.colour = test::Colour::green;
  j.text = "t";
  j.vector = lane.initial;
  j.rows = test::rows(2, 5);
  j.key = {1, 0xfffffffffffffff1ull, 3, 4};
  j.part = {2, test::rows(0, 0)};
  j.parts = {{1, nullptr}, {2, test::rows(1, 3)}};
  j.numbers = {1, 2.5};
  j.pair = {3, lane.initial};
  j.optional = 0;
  j.shared = std::make_shared<const test::Part>(test::Part{7, nullptr});
  return j;
}

}  // namespace

TEST_CASE("every field of a job, at any depth, is part of its key") {
  const test::Lane lane("logreg");
  const auto key = [](const SampleJob& j) { return job::key_of("here", j); };
  const auto whole = key(full(lane));
  CHECK(whole == key(full(test::Lane("logreg"))));  // by content, not by address
  const std::function<void(SampleJob&)> changes[] = {
      [](auto& j) { j.flag = false; },        [](auto& j) { j.count = 3; },
      [](auto& j) { j.number -= 1; },         [](auto& j) { j.real = 0.2; },
      [](auto& j) { j.colour = {}; },         [](auto& j) { j.text = "u"; },
      [](auto& j) { j.vector = nullptr; },    [](auto& j) { j.rows = test::rows(2, 6); },
      [](auto& j) { j.key.round = 5; },       [](auto& j) { j.part.weight = 3; },
      [](auto& j) { j.part.rows = nullptr; }, [](auto& j) { j.parts.pop_back(); },
      [](auto& j) { j.numbers[1] = 2; },      [](auto& j) { j.pair.first = 4; },
      [](auto& j) { j.optional.reset(); },    [](auto& j) { j.shared = nullptr; },
  };
  for (std::size_t i = 0; i < std::size(changes); ++i) {
    CAPTURE(i);
    auto changed = full(lane);
    changes[i](changed);
    CHECK(key(changed) != whole);
  }
  CHECK(job::key_of("there", full(lane)) != whole);
}

TEST_CASE("a value that moves from one field to the next is another key") {
  SampleJob a, b;
  a.numbers = {1};
  b.optional = 1;
  CHECK(job::key_of("", a) != job::key_of("", b));
  CHECK(job::key_of("", SampleJob{}) != job::key_of("", OtherJob{}));
}

TEST_CASE("a job is the same after its way through bytes") {
  const test::Lane lane("logreg");
  const std::vector<job::JobType> types{job::type_of<OtherJob>(), job::type_of<SampleJob>()};
  for (const auto& original : {full(lane), SampleJob{}}) {
    const auto copy = job::job_from_bytes(job::to_bytes(job::Job(original)), types);
    REQUIRE(copy.as<SampleJob>());
    CHECK(job::key_of("", copy) == job::key_of("", original));
    CHECK(copy.as<SampleJob>()->number == original.number);
  }
}

TEST_CASE("bytes that are no job say what they are") {
  const auto bytes = job::to_bytes(job::Job(OtherJob{}));
  CHECK_THROWS_WITH(job::job_from_bytes(bytes, {job::type_of<SampleJob>()}),
                    "these bytes are no job: there is no kind of job \"other\"");
  CHECK_THROWS_AS(job::job_from_bytes({1, 2, 3}, {}), std::runtime_error);
  auto cut = bytes;
  cut.resize(cut.size() / 2);
  CHECK_THROWS_AS(job::job_from_bytes(cut, {job::type_of<OtherJob>()}), std::runtime_error);
}

TEST_CASE("bytes that were cut or changed on their way are an error, wherever it happened") {
  const test::Lane lane("logreg");
  const std::vector<job::JobType> types{job::type_of<SampleJob>()};
  const auto bytes = job::to_bytes(job::Job(full(lane)));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    CAPTURE(i);
    auto changed = bytes;
    changed[i] ^= 1;
    CHECK_THROWS_AS(job::job_from_bytes(changed, types), std::runtime_error);
    changed.resize(i);
    CHECK_THROWS_AS(job::job_from_bytes(changed, types), std::runtime_error);
  }
}

TEST_CASE("a value that its field cannot hold is refused") {
  test::Part part;
  const auto with_rows = [&](const std::function<void(job::Sink&)>& put_rows) {
    const auto bytes = job::written([&](job::Sink& to) {
      to.open_fields();
      to.name("weight"), to.real(1);
      to.name("rows"), put_rows(to);
      to.close();
    });
    job::read(bytes, "part", [&](job::Source& from) { take(from, part); });
  };
  CHECK_NOTHROW(with_rows([](job::Sink& to) { to.rows(test::rows(0, 2)); }));
  const auto list_of = [](double v) {
    return [v](job::Sink& to) { to.open_list(1), to.real(v), to.close(); };
  };
  CHECK_THROWS_WITH(with_rows(list_of(1e300)),
                    "these bytes are no part: a whole number is expected, there is number");
  const auto read_as = [](std::int64_t number, auto value) {
    const auto bytes = job::written([&](job::Sink& to) { to.integer(number); });
    job::read(bytes, "number", [&](job::Source& from) { take(from, value); });
  };
  CHECK_NOTHROW(read_as(1, test::Colour::red));
  CHECK_THROWS_WITH(read_as(2, test::Colour::red), "these bytes are no number: 2 is out of range");
  CHECK_THROWS_AS(read_as(-1, test::Colour::red), std::runtime_error);
  CHECK_THROWS_AS(read_as(300, std::uint8_t{0}), std::runtime_error);
}

TEST_CASE("bytes that nest without end are refused before they take the stack") {
  const auto bytes = job::written([](job::Sink& to) {
    for (int i = 0; i < 101; ++i) to.open_list(1);
    to.null();
    for (int i = 0; i < 101; ++i) to.close();
  });
  CHECK_THROWS_WITH(job::read(bytes, "list", [](job::Source&) {}),
                    "these bytes are no list: they nest too deep");
}

TEST_CASE("bytes of another version of a struct are refused, not half read") {
  const auto longer = job::written([](job::Sink& to) {
    to.open_fields();
    to.name("weight"), to.real(1);
    to.name("rows"), to.null();
    to.name("new"), to.real(2);
    to.close();
  });
  test::Part part;
  CHECK_THROWS_WITH(job::read(longer, "part", [&](job::Source& from) { take(from, part); }),
                    "these bytes are no part: there is more than is known: it is of another version");
}

TEST_CASE("a job is what it was made of, and runs as that") {
  SampleJob sample;
  sample.count = 12;
  const job::Job job(sample);
  CHECK(job.name() == std::string("sample"));
  CHECK(job.as<OtherJob>() == nullptr);
  test::Lane lane("logreg");
  CHECK(engine::execute(*lane.workspace, job).samples == 12);
}
