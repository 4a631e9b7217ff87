#include "federate/tasks.hpp"

#include <algorithm>
#include <set>

#include "alone.hpp"

using namespace afu;
using federate::Roster;
using federate::Tasks;
using Clients = std::vector<std::uint32_t>;

namespace {

struct Federation {
  explicit Federation(const std::string& training)
      : setup(test::setup_of("[training]\n" + training + "\n[unlearning]\nmethod = \"none\"\n")),
        roster(setup),
        tasks(*setup.scenario, roster) {
    tasks.open();
  }
  federate::Setup setup;
  Roster roster;
  Tasks tasks;
};

}  // namespace

TEST_CASE("tasks: whoever is idle gets the next one at once") {
  Federation f("");
  CHECK(f.tasks.next(false, 1) == Clients{0, 1, 2, 3});
  CHECK(f.tasks.in_flight() == 4);
  CHECK(f.tasks[2].job == 1);
  CHECK(f.tasks[2].busy);
  CHECK(f.tasks.next(false, 2).empty());
  f.tasks.release(2);
  f.tasks.release(2);  // it has none any more
  CHECK(f.tasks.in_flight() == 3);
  CHECK(f.tasks.next(false, 3) == Clients{2});
  CHECK(f.tasks[2].job == 2);
  CHECK(f.tasks[2].since == 3);
}

TEST_CASE("tasks: no more than max_in_flight at a time, drawn at random and the same for the same seed") {
  std::set<Clients> drawn;
  for (int i = 0; i < 2; ++i) {
    Federation f("max_in_flight = 2");
    auto first = f.tasks.next(false, 0);
    REQUIRE(first.size() == 2);
    CHECK(first[0] != first[1]);
    f.tasks.look_again();
    CHECK(f.tasks.next(false, 0).empty());
    f.tasks.release(first[0]);
    const auto second = f.tasks.next(false, 0);
    REQUIRE(second.size() == 1);
    CHECK(second[0] != first[1]);
    first.push_back(second[0]);
    drawn.insert(first);
  }
  CHECK(drawn.size() == 1);
}

TEST_CASE("tasks: a round ends once, when its last task is over, and another one follows") {
  Federation f("rule = \"fedavg\"\nclients_per_round = 3");
  const auto round = f.tasks.next(true, 0);
  REQUIRE(round.size() == 3);
  CHECK(std::is_sorted(round.begin(), round.end()));
  f.tasks.look_again();
  CHECK(f.tasks.next(true, 0).empty());  // it is open
  f.tasks.release(round[0]), f.tasks.release(round[1]);
  CHECK_FALSE(f.tasks.end_round());
  f.tasks.release(round[2]);
  CHECK(f.tasks.end_round());
  CHECK_FALSE(f.tasks.end_round());
  CHECK(f.tasks.rounds() == 0);
  f.tasks.count_round();
  CHECK(f.tasks.rounds() == 1);
  CHECK(f.tasks.next(true, 0).size() == 3);
}

TEST_CASE("tasks: nothing is handed out until the last halt is over") {
  Federation f("");
  CHECK(f.tasks.halt());
  CHECK_FALSE(f.tasks.halt());
  CHECK(f.tasks.next(false, 0).empty());
  CHECK_FALSE(f.tasks.resume());
  CHECK(f.tasks.next(false, 0).empty());
  CHECK(f.tasks.resume());
  CHECK(f.tasks.next(false, 0).size() == 4);
}

TEST_CASE("tasks: who is excluded is idle no more, until it is admitted") {
  Federation f("");
  f.roster.exclude(1, methods::Scope::samples);
  f.tasks.withdraw(1);
  f.tasks.next(false, 0);
  CHECK(f.tasks[1].job == 0);
  f.roster.exclude(2, methods::Scope::samples);
  f.tasks.withdraw(2);  // from its task
  CHECK(f.tasks.in_flight() == 2);
  CHECK(f.tasks.next(false, 0).empty());
  CHECK(f.tasks.renumber(2) == 2);  // what it still works on is void
  f.roster.readmit(2, 0);
  f.tasks.admit(2);
  CHECK(f.tasks.next(false, 0) == Clients{2});
  CHECK(f.tasks[2].job == 3);
}

TEST_CASE("tasks: what is kept of a task comes back with it, and is gone with a lineage") {
  Federation f("rule = \"fedavg\"");
  f.tasks.next(true, 0);
  const auto model = test::token(), influence = test::token();
  f.tasks.keep(1, {model, {influence}});
  f.tasks.keep(2, {model, {}});
  const auto base = f.tasks.release(1);
  CHECK(base.model == model);
  CHECK(base.influence == std::vector<model::ParametersPtr>{influence});
  CHECK(f.tasks.release(3).model == nullptr);
  f.tasks.count_round();
  f.tasks.begin_again();
  CHECK(f.tasks.in_flight() == 0);
  CHECK(f.tasks.rounds() == 0);
  CHECK_FALSE(f.tasks.end_round());
  CHECK(f.tasks.next(true, 0).size() == 4);
  CHECK(f.tasks.release(2).model == nullptr);
}
