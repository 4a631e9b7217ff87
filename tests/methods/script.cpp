#include "methods/script.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "methods/one_job.hpp"

using namespace afu;
using methods::Now;
using methods::Request;
using methods::Script;

namespace {

/// What AwaitUpdates of the step say; 0 where it is another one.
std::uint64_t count(const methods::Step& step) {
  const auto* await = std::get_if<methods::AwaitUpdates>(&step);
  return await ? await->count : 0;
}

bool done(const methods::Step& step) { return std::holds_alternative<methods::Done>(step); }

/// A vector that nobody reads: how many hold it is all that counts.
model::ParametersPtr held(const std::shared_ptr<int>& owner) { return {owner, nullptr}; }

/// Counts who is alive.
struct Alive {
  static inline int count = 0;
  Alive() { ++count; }
  ~Alive() { --count; }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;
};

Script told(Request request, const Now& now) {
  co_yield methods::AwaitUpdates{now->version};
  const auto* result = co_yield methods::AwaitUpdates{request.index};
  co_yield methods::AwaitUpdates{result ? static_cast<std::uint64_t>(result->samples) : now->version};
}

Script innermost(std::uint64_t n) {
  const auto* result = co_yield methods::AwaitUpdates{n};
  co_yield methods::AwaitUpdates{n + static_cast<std::uint64_t>(result->samples)};
}

Script silent() { co_return; }

Script middle(std::uint64_t n) {
  co_await silent();
  co_await innermost(n);
  co_await innermost(n + 10);
}

Script nested(Request, const Now&) {
  co_yield methods::AwaitUpdates{1};
  co_await middle(100);
  const auto* result = co_yield methods::AwaitUpdates{2};
  co_yield methods::AwaitUpdates{static_cast<std::uint64_t>(result->samples)};
}

Script fails(std::shared_ptr<int> owner) {
  Alive alive;
  methods::MergeErasure merge;
  merge.delta = held(owner);
  co_yield merge;
  throw std::runtime_error("the part went wrong");
}

Script catches(Request, const Now&) {
  bool caught = false;
  try {
    co_await fails(std::make_shared<int>(0));
  } catch (const std::runtime_error&) {
    caught = true;
  }
  co_yield methods::AwaitUpdates{caught ? 7u : 8u};
}

Script does_not_catch(Request, const Now&) { co_await fails(std::make_shared<int>(0)); }

/// What the scripts below hold.
std::shared_ptr<int> owner;

Script holds(Request, const Now&) {
  Alive alive;
  co_yield methods::Replace{held(owner), 0};
  co_yield methods::MergeErasure{held(owner), std::nullopt};
  co_await fails(owner);
}

std::unique_ptr<methods::Procedure> started(std::unique_ptr<methods::Procedure> (*start)(const Request&)) {
  Request request;
  request.index = 5;
  return start(request);
}

}  // namespace

TEST_CASE("a script yields its steps in turn, and sees the view and the result of each call") {
  const auto script = started(&methods::scripted<&told>);
  methods::View view;
  view.version = 3;
  CHECK(count(script->next(view, nullptr)) == 3);
  CHECK(count(script->next(view, nullptr)) == 5);
  SUBCASE("with a result") {
    job::JobResult result;
    result.samples = 42;
    CHECK(count(script->next(view, &result)) == 42);
  }
  SUBCASE("without one, and with another view") {
    methods::View later;
    later.version = 4;
    CHECK(count(script->next(later, nullptr)) == 4);
  }
  CHECK(done(script->next(view, nullptr)));
}

TEST_CASE("parts take their turn in the script that awaits them, however deep, and get the results") {
  const auto script = started(&methods::scripted<&nested>);
  const methods::View view;
  job::JobResult result;
  result.samples = 3;
  std::vector<std::uint64_t> counts;
  for (auto step = script->next(view, nullptr); !done(step); step = script->next(view, &result))
    counts.push_back(count(step));
  CHECK(counts == std::vector<std::uint64_t>{1, 100, 103, 110, 113, 2, 3});
}

TEST_CASE("what a part throws can be caught by the script that awaits it, else it comes out of next") {
  const methods::View view;
  Alive::count = 0;
  {
    const auto script = started(&methods::scripted<&catches>);
    CHECK(std::holds_alternative<methods::MergeErasure>(script->next(view, nullptr)));
    CHECK(Alive::count == 1);
    CHECK(count(script->next(view, nullptr)) == 7);
    CHECK(Alive::count == 0);
    CHECK(done(script->next(view, nullptr)));
  }
  const auto script = started(&methods::scripted<&does_not_catch>);
  CHECK(std::holds_alternative<methods::MergeErasure>(script->next(view, nullptr)));
  CHECK_THROWS_WITH_AS(script->next(view, nullptr), "the part went wrong", std::runtime_error);
  CHECK(Alive::count == 0);
}

TEST_CASE("a script that is dropped in mid-way drops what it and its parts hold, once") {
  const methods::View view;
  for (int steps = 0; steps <= 3; ++steps) {
    CAPTURE(steps);
    Alive::count = 0;
    owner = std::make_shared<int>(0);
    auto script = started(&methods::scripted<&holds>);
    for (int i = 0; i < steps; ++i) {
      const auto step = script->next(view, nullptr);
      CHECK(owner.use_count() > 1);
    }
    CHECK(Alive::count == (steps == 0 ? 0 : steps == 3 ? 2 : 1));
    script.reset();
    CHECK(Alive::count == 0);
    CHECK(owner.use_count() == 1);
  }
  owner.reset();
}

TEST_CASE("a step that was taken is held by who took it alone") {
  const methods::View view;
  owner = std::make_shared<int>(0);
  const auto script = started(&methods::scripted<&holds>);
  {
    const auto first = script->next(view, nullptr);
    CHECK(std::holds_alternative<methods::Replace>(first));
    CHECK(owner.use_count() == 2);
    const auto second = script->next(view, nullptr);
    CHECK(std::holds_alternative<methods::MergeErasure>(second));
    CHECK(owner.use_count() == 3);
  }
  CHECK(owner.use_count() == 1);
  owner.reset();
}
