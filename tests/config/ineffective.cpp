#include "config/ineffective.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "config/scenario.hpp"
#include "config/schema.hpp"
#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;

namespace {

using Lines = std::vector<std::string>;

Lines told(const std::string& text) {
  return ineffective(parsed(text + "\n[stop]\nupdates = 9\n"), methods());
}

}  // namespace

TEST_CASE("an option that does nothing with the chosen rule, model or source is told") {
  CHECK(told("[training]\nmixing = 0.9\n") == Lines{"training.mixing = 0.9 does nothing: training.rule is "
                                                    "\"async_delta\", with effect are \"fedasync\""});
  CHECK(told("[training]\nmixing = 0.9\nrule = \"fedasync\"\n").empty());
  CHECK(told("[training]\nlocal_steps = 5\nlocal_epochs = 3\n") ==
        Lines{"training.local_epochs = 3 does nothing: training.local_steps is 5, with effect are 0"});
  CHECK(told("[heterogeneity.compute]\nstraggler_factor = 3.0\n") ==
        Lines{"heterogeneity.compute.straggler_factor = 3.0 does nothing: "
              "heterogeneity.compute.straggler_share is "
              "0.0, with effect are a value above 0"});
  CHECK(told("[heterogeneity.compute]\nstraggler_factor = 3.0\nstraggler_share = 0.5\n").empty());
  CHECK(told("[data]\nsource = \"npz\"\npath = \"a.npz\"\nclasses = 3\n").size() == 1);
  CHECK(told("[model]\nhidden = 9\n").size() == 1);
  CHECK(told("[compute]\nonly_nodes = true\n") ==
        Lines{"compute.only_nodes = true does nothing: compute.nodes names none"});
  CHECK(told("[compute]\nonly_nodes = true\nnode_patience = 9.0\nnodes = [\"gpu1:4711\"]\n").empty());
  CHECK(told("[[erasure]]\nclient = 1\nat_update = 2\nfraction = 0.25\n").size() == 1);
}

TEST_CASE("a resolved scenario, which spells out every default, is told nothing") {
  CHECK(told("").empty());
  CHECK(ineffective(parsed(to_toml(parsed("[stop]\nupdates = 9\n"), methods())), methods()).empty());
}

TEST_CASE("every condition names options that there are, with values that the other one has") {
  Scenario s;
  std::set<std::string> keys;
  for (const auto& section : sections(s, methods()))
    for (const auto& f : section.fields) {
      keys.insert(section.path + "." + f.option.name);
      for (const auto& c : conditions())
        if (section.path + "." + f.option.name == c.other && !f.option.choices.empty())
          for (const auto& v : c.values) {
            INFO(c.key, " ", v);
            CHECK(std::count(f.option.choices.begin(), f.option.choices.end(), v) == 1);
          }
    }
  for (const auto& c : conditions()) {
    CHECK(keys.count(c.key) == 1);
    CHECK(keys.count(c.other) == 1);
  }
}
