/// The file by which a run goes on: what it keeps of results and vectors, and what it does where it is damaged.
#include "lane/checkpoint.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>

#include "engine/combine_job.hpp"
#include "model/ghost.hpp"
#include "model/parameters.hpp"
#include "tests/base/temporary_file.hpp"
#include "tests/engine/fixture.hpp"
#include "train/train_job.hpp"

using namespace afu;
namespace fs = std::filesystem;

namespace {

constexpr lane::CheckpointPace at_once{1e-9, 1e9};

train::TrainJob job_of(const model::ParametersPtr& base, std::uint64_t number) {
  train::TrainJob job;
  job.base = base;
  job.samples = test::rows(0, 20);
  job.key = {1, 2, 3, number};
  return job;
}

/// A result of one vector, all of whose values are `value`.
std::shared_ptr<const job::JobResult> result_of(const model::ParametersPtr& like, double value) {
  auto v = std::make_shared<model::ParameterVector>(*like);
  v->values = torch::full_like(like->values, value);
  job::JobResult r;
  r.outputs = {v};
  r.figures = {{"loss", value}, {"none", std::numeric_limits<double>::quiet_NaN()}};
  r.numbers = {value, 1.0 / 3};
  r.samples = 20;
  r.looked_at = true;
  return std::make_shared<const job::JobResult>(std::move(r));
}

struct Fixture : TemporaryFile {
  test::Lane lane;
  job::Job job{job_of(lane.initial, 1)};
  Fixture() : TemporaryFile("", "other") {}
  fs::path file() const { return folder / "checkpoint.afu"; }
};

std::vector<char> bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const fs::path& file, const std::vector<char>& bytes) {
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("figures come back bit by bit, vectors where somebody held them, else as ghosts") {
  Fixture f;
  model::ParametersPtr held;
  {
    lane::Checkpoint c(f.file(), at_once);
    c.begin({"r1", "t1", {{"data.path", "/d", "abc", 7}}}, 0);
    CHECK_FALSE(c.goes_on());
    CHECK(c.find(1, f.job) == nullptr);
    held = c.keep(1, f.job, result_of(f.lane.initial, 0.1), false)->outputs[0];
    c.keep(2, f.job, result_of(f.lane.initial, 0.2), false);
    c.write(12.5);
    CHECK(c.failure() == "");
  }
  auto content = lane::read_checkpoint(f.file());
  CHECK(content.damage == "");
  CHECK(content.run.revision == "r1");
  CHECK(content.run.inputs.at(0).sha256 == "abc");
  CHECK(content.state.seconds == 12.5);
  CHECK(content.results.size() == 2);
  REQUIRE(content.vectors.size() == 1);

  lane::Checkpoint c(f.file(), at_once, std::move(content));
  c.begin({}, 3.5);
  CHECK(c.resumed() == 1);
  CHECK(c.away_seconds() == 3.5);
  CHECK(c.seconds_before() == 12.5);
  const auto first = c.find(1, f.job), second = c.find(2, f.job);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(model::sha256(first->outputs[0]) == model::sha256(held));
  CHECK(first->figures.at("loss") == 0.1);
  CHECK(std::isnan(first->figures.at("none")));
  CHECK(first->numbers == std::vector<double>{0.1, 1.0 / 3});
  CHECK(first->samples == 20);
  CHECK(c.find(1, f.job) == nullptr);  // once

  CHECK(model::is_ghost(second->outputs[0]));
  CHECK_FALSE(model::is_ghost(first->outputs[0]));
  CHECK(model::byte_size(second->outputs[0]) == model::byte_size(held));
  CHECK_THROWS(model::sha256(second->outputs[0]));
  CHECK_THROWS(model::to_bytes(second->outputs[0]));
  CHECK(lane::reads_a_ghost(job_of(second->outputs[0], 1)));
  CHECK_FALSE(lane::reads_a_ghost(job_of(first->outputs[0], 1)));
}

TEST_CASE("steps of the wall clock come back in their order, and counts, from a file written anew as well") {
  using Kind = lane::ClockStep::Kind;
  Fixture f;
  {
    lane::Checkpoint c(f.file(), at_once);
    c.begin({}, 0);
    c.note({0.5, Kind::message, 3, 0});
    c.note({0.1 + 0.2, Kind::timer_answer, 4, 17});
    c.waited(5, 2);
    c.write(1);  // without a result
    c.note({1, Kind::given_up, 5, 1});
    c.write(2);
    c.note({2, Kind::starved, 0, 0});
    c.freeze();
    c.note({3, Kind::message, 0, 0});
    c.write(3);
  }
  auto content = lane::read_checkpoint(f.file());
  CHECK(content.state.seconds == 2);
  REQUIRE(content.steps.size() == 3);
  CHECK(content.steps[1].time == 0.1 + 0.2);
  CHECK(content.steps[1].kind == Kind::timer_answer);
  CHECK(content.steps[1].node == 4);
  CHECK(content.steps[1].number == 17);
  lane::Checkpoint c(f.file(), at_once, std::move(content));
  c.begin({}, 1);
  CHECK(c.replays());
  CHECK(c.take_steps().size() == 3);
  CHECK(c.waited() == std::pair<std::uint64_t, std::uint64_t>{5, 2});
  c.is_there();
  CHECK_FALSE(c.replays());
  c.note({4, Kind::over, 0, 0});
  c.write(4);
  CHECK(c.failure() == "");
  const auto later = lane::read_checkpoint(f.file());
  CHECK(later.steps.size() == 4);
  CHECK(later.state.ended);
}

TEST_CASE("a number that was another job's is an error") {
  Fixture f;
  {
    lane::Checkpoint c(f.file(), at_once);
    c.begin({}, 0);
    c.keep(5, f.job, result_of(f.lane.initial, 1), false);
    c.write(0);
  }
  lane::Checkpoint c(f.file(), at_once, lane::read_checkpoint(f.file()));
  CHECK_THROWS_WITH_AS(c.find(5, job_of(f.lane.initial, 2)), doctest::Contains("its job 5 was another"),
                       std::runtime_error);
}

TEST_CASE("what others hold as well counts only where this run holds it") {
  Fixture f;
  lane::Checkpoint c(f.file(), at_once);
  c.begin({}, 0);
  const auto cached = result_of(f.lane.initial, 1);
  c.keep(1, f.job, cached, true);
  const auto mine = c.keep(2, f.job, cached, true);
  CHECK(model::sha256(mine->outputs[0]) == model::sha256(cached->outputs[0]));
  c.write(0);
  CHECK(lane::read_checkpoint(f.file()).vectors.size() == 1);
}

TEST_CASE("after an error no checkpoint is taken, and the last one stands") {
  Fixture f;
  lane::Checkpoint c(f.file(), at_once);
  c.begin({}, 0);
  c.keep(1, f.job, result_of(f.lane.initial, 1), false);
  c.write(1);
  job::JobResult bad;
  bad.error = "no";
  c.keep(2, f.job, std::make_shared<const job::JobResult>(bad), false);
  c.keep(3, f.job, result_of(f.lane.initial, 1), false);
  c.write(2);
  c.take_last(3);
  c.write(3);
  const auto content = lane::read_checkpoint(f.file());
  CHECK(content.results.size() == 1);
  CHECK(content.state.seconds == 1);
}

TEST_CASE("the last one is what was there when it was taken") {
  Fixture f;
  lane::Checkpoint c(f.file(), {1e9, 1});
  c.begin({}, 0);
  auto held = c.keep(1, f.job, result_of(f.lane.initial, 1), false);
  c.write(1);  // not due
  CHECK(lane::read_checkpoint(f.file()).results.empty());
  c.take_last(2);
  held.reset();
  c.keep(2, f.job, result_of(f.lane.initial, 1), false);
  c.write(3);
  const auto content = lane::read_checkpoint(f.file());
  CHECK(content.results.size() == 1);
  CHECK(content.vectors.size() == 1);
  CHECK(content.state.seconds == 2);
}

TEST_CASE(
    "a file that is cut off anywhere, or has a bit turned, gives an earlier checkpoint or says why not") {
  Fixture f;
  std::vector<std::shared_ptr<const job::JobResult>> held;
  std::uint64_t begin = 0;
  {
    lane::Checkpoint c(f.file(), at_once);
    c.begin({"r1", "t1", {}}, 0);
    begin = fs::file_size(f.file());
    for (int i = 1; i <= 3; ++i) {
      held.push_back(c.keep(static_cast<std::uint64_t>(i), f.job, result_of(f.lane.initial, i), false));
      c.note({1.0 * i, lane::ClockStep::Kind::message, 3, 0});
      c.write(i);
    }
  }
  const auto whole = bytes_of(f.file());
  REQUIRE(lane::read_checkpoint(f.file()).results.size() == 3);

  const auto check = [&] {
    lane::CheckpointContent content;
    try {
      content = lane::read_checkpoint(f.file());
    } catch (const std::runtime_error& e) {
      const std::string what = e.what();
      CHECK(what.find("checkpoint.afu") != std::string::npos);
      return;
    }
    const auto n = content.results.size();
    CHECK(content.state.seconds == static_cast<double>(n));
    CHECK(content.vectors.size() == n);
    CHECK(content.steps.size() == n);
    CHECK(content.size <= bytes_of(f.file()).size());
    // It goes on from there, and what is written then holds.
    lane::Checkpoint c(f.file(), at_once, std::move(content));
    c.begin({}, 1);
    std::vector<std::shared_ptr<const job::JobResult>> again;
    for (std::uint64_t i = 1; i <= n; ++i) {
      again.push_back(c.find(i, f.job));
      REQUIRE(again.back());
      CHECK(model::sha256(again.back()->outputs[0]) == model::sha256(held[i - 1]->outputs[0]));
    }
    again.push_back(c.keep(99, f.job, result_of(f.lane.initial, 9), false));
    c.write(50);
    CHECK(c.failure() == "");
    const auto later = lane::read_checkpoint(f.file());
    CHECK(later.damage == "");
    CHECK(later.results.size() == n + 1);
    CHECK(later.vectors.size() == n + 1);
    CHECK(later.absences.size() == 1);
  };
  for (std::size_t size = 0; size < whole.size(); size += size < begin + 400 ? 13 : 211) {
    CAPTURE(size);
    write(f.file(), {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
    check();
  }
  for (std::size_t at = 0; at < whole.size(); at += at < begin + 400 ? 11 : 199) {
    CAPTURE(at);
    auto turned = whole;
    turned[at] = static_cast<char>(turned[at] ^ 0x10);
    write(f.file(), turned);
    check();
  }
}

TEST_CASE("vectors that nobody holds any more do not make the file grow for ever") {
  Fixture f;
  // 1 MB a vector.
  auto large = std::make_shared<model::ParameterVector>(*f.lane.initial);
  auto layout = std::make_shared<model::Layout>();
  layout->parameters = {{"w", {262144}, 0, 262144}};
  layout->parameter_count = 262144;
  large->layout = layout;
  large->values = torch::zeros({262144});
  large->buffers = torch::Tensor();
  std::shared_ptr<const job::JobResult> held;
  lane::Checkpoint c(f.file(), at_once);
  c.begin({}, 0);
  std::uintmax_t most = 0;
  for (int i = 1; i <= 40; ++i) {
    held = c.keep(static_cast<std::uint64_t>(i), f.job, result_of(large, i), false);
    c.note({1.0 * i, lane::ClockStep::Kind::message, 3, 0});
    c.write(i);
    REQUIRE(c.failure() == "");
    most = std::max(most, fs::file_size(f.file()));
  }
  CHECK(most < 8 * (1u << 20));
  const auto content = lane::read_checkpoint(f.file());
  CHECK(content.results.size() == 40);
  CHECK(content.steps.size() == 40);
  REQUIRE(content.vectors.size() == 1);
  CHECK(model::sha256(content.vectors[0]) == model::sha256(held->outputs[0]));
}

TEST_CASE("a checkpoint that cannot be written is told, and the one before it stands") {
  Fixture f;
  lane::Checkpoint c(f.file(), at_once);
  c.begin({}, 0);
  auto first = c.keep(1, f.job, result_of(f.lane.initial, 1), false);
  c.write(1);
  REQUIRE(lane::read_checkpoint(f.file()).results.size() == 1);
  auto ghost = std::make_shared<job::JobResult>(*result_of(f.lane.initial, 1));
  ghost->outputs = {model::ghost(400)};  // what cannot be written
  const auto second = c.keep(2, f.job, ghost, false);
  c.write(2);
  CHECK(c.failure() != "");
  const auto content = lane::read_checkpoint(f.file());
  CHECK(content.results.size() == 1);
  CHECK(content.damage == "");
}
