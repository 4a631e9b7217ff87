/// The list of all kinds of jobs: it is complete, and each comes back from its bytes.
#include "lane/job_types.hpp"

#include <torch/types.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "base/sha256.hpp"
#include "job/bytes.hpp"
#include "job/key.hpp"
#include "methods/registry.hpp"
#include "model/parameters.hpp"

#include <doctest/doctest.h>

using namespace afu;
namespace fs = std::filesystem;

namespace {

model::ParametersPtr vector(float value) {
  auto layout = std::make_shared<model::Layout>();
  layout->parameters = {{"w", {2}, 0, 2}};
  layout->parameter_count = 2;
  return std::make_shared<const model::ParameterVector>(
      model::ParameterVector{layout, torch::full({2}, value), torch::empty({0})});
}

/// Gives every field a value that no other has, and each list two items.
class Filler final : public job::Source {
 public:
  void name(const char*) override { ++fields; }
  bool flag() override { return true; }
  std::int64_t integer() override { return 1000 + ++count_; }
  std::int64_t choice(std::int64_t last) override { return last; }
  double real() override { return 0.1 + ++count_; }
  std::string text() override { return "t" + std::to_string(++count_); }
  model::ParametersPtr vector() override { return ::vector(static_cast<float>(++count_)); }
  base::IndicesPtr rows() override {
    return std::make_shared<const base::Indices>(base::Indices{++count_, 3});
  }
  base::StreamKey key() override { return {static_cast<std::uint64_t>(++count_), ~0ull, 3, 4}; }
  bool null() override { return false; }
  std::size_t open_list() override { return 2; }
  void open_fields() override {}
  void close() override {}

  int fields = 0;

 private:
  std::int64_t count_ = 0;
};

job::Job filled(const job::JobType& type) {
  Filler filler;
  auto job = type.take(filler);
  CHECK(filler.fields > 0);
  return job;
}

/// Bytes whose checksum is right, whatever they say.
job::Bytes sealed(job::Bytes body) {
  base::Sha256 sum;
  sum.update(body.data(), body.size());
  const auto digest = sum.finish();
  body.insert(body.end(), digest.begin(), digest.end());
  return body;
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("every kind of job of the sources is in the list, once, and nothing else") {
  static const std::regex kind("struct \\w+Job \\{\\s+static constexpr const char\\* name = \"(\\w+)\"");
  std::set<std::string> in_sources, in_list;
  for (const auto& e : fs::recursive_directory_iterator(fs::path(AFU_SOURCE_DIR) / "src")) {
    if (e.path().extension() != ".hpp") continue;
    const auto text = text_of(e.path());
    for (auto i = std::sregex_iterator(text.begin(), text.end(), kind); i != std::sregex_iterator(); ++i)
      in_sources.insert((*i)[1]);
  }
  for (const auto& type : lane::job_types()) {
    CAPTURE(type.name);
    CHECK(in_list.insert(type.name).second);
  }
  CHECK(in_sources.size() > 25);
  for (const auto& name : in_sources)
    CHECK_MESSAGE(in_list.count(name), name, " is in no list: see Method::jobs");
  CHECK(in_list == in_sources);
}

TEST_CASE("a method that has a job in its folder declares it in its row") {
  for (const auto& method : methods::methods()) {
    CAPTURE(method.name);
    std::size_t structs = 0;
    static const std::regex fields("AFU_FIELDS\\(\\w+Job,");
    for (const auto& e : fs::directory_iterator(fs::path(AFU_SOURCE_DIR) / "src/methods" / method.name))
      if (e.path().extension() == ".hpp") {
        const auto text = text_of(e.path());
        structs += static_cast<std::size_t>(
            std::distance(std::sregex_iterator(text.begin(), text.end(), fields), {}));
      }
    CHECK(method.jobs.size() == structs);
  }
}

TEST_CASE("a job of every kind is the same after its way through bytes, with every field set") {
  for (const auto& type : lane::job_types()) {
    CAPTURE(type.name);
    const auto original = filled(type);
    CHECK(original.name() == std::string(type.name));
    const auto bytes = job::to_bytes(original);
    const auto copy = job::job_from_bytes(bytes, lane::job_types());
    CHECK(copy.name() == std::string(type.name));
    CHECK(job::key_of("", copy) == job::key_of("", original));
    CHECK(job::to_bytes(copy) == bytes);
  }
}

TEST_CASE("of a job of every kind no part of the bytes is a job, and no changed bytes are") {
  for (const auto& type : lane::job_types()) {
    CAPTURE(type.name);
    const auto bytes = job::to_bytes(filled(type));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      CAPTURE(i);
      auto changed = bytes;
      changed[i] ^= static_cast<std::uint8_t>(1 + i % 255);
      CHECK_THROWS_AS(job::job_from_bytes(changed, lane::job_types()), std::runtime_error);
      changed.resize(i);
      CHECK_THROWS_AS(job::job_from_bytes(changed, lane::job_types()), std::runtime_error);
    }
  }
}

TEST_CASE("bytes that somebody made up are a job or an error, and nothing else") {
  for (const auto& type : lane::job_types()) {
    CAPTURE(type.name);
    auto body = job::to_bytes(filled(type));
    body.resize(body.size() - base::Sha256::size);
    int errors = 0;
    const auto attempt = [&](job::Bytes made_up) {
      try {
        job::job_from_bytes(sealed(std::move(made_up)), lane::job_types());
      } catch (const std::runtime_error&) {  // anything else ends the test
        ++errors;
      }
    };
    for (std::size_t i = 0; i < body.size(); ++i) {
      auto changed = body;
      changed[i] ^= static_cast<std::uint8_t>(1 + i % 255);
      attempt(changed);
      changed.resize(i);
      attempt(std::move(changed));
    }
    CHECK(errors >= static_cast<int>(body.size()));  // no prefix is a job
  }
}
