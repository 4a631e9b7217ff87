#include "config/choice.hpp"

#include <doctest/doctest.h>

#include "config/sections/compute.hpp"
#include "config/sections/model.hpp"
#include "config/sections/scenario.hpp"
#include "config/sections/training.hpp"
#include "config/sections/unlearning.hpp"

using namespace afu::config;

namespace {
AFU_CHOICE(Fruit, apple, auto_, class_, fig_tree)
}

TEST_CASE("the words of a choice are its enumerators, without the underscore that C++ asks for") {
  CHECK(names<Fruit>() == std::vector<std::string>{"apple", "auto", "class", "fig_tree"});
  CHECK(name_of(Fruit::class_) == "class");
  CHECK(quoted(Fruit::auto_) == "\"auto\"");
  CHECK(find<Fruit>("fig_tree") == Fruit::fig_tree);
  CHECK(find<Fruit>("class_") == std::nullopt);
  CHECK(find<Fruit>("") == std::nullopt);
  CHECK(find<Fruit>("fig") == std::nullopt);
}

TEST_CASE("words that differ from their enumerators stand in the enumerators' order") {
  CHECK(name_of(Clock::simulated) == "virtual");
  CHECK(name_of(Clock::wall) == "wall");
  CHECK(name_of(Scope::client) == "client");
  CHECK(name_of(Scope::data_class) == "class");
  CHECK(name_of(StepEngine::auto_) == "auto");
  CHECK(name_of(CoordinationAsked::default_) == "default");
}

TEST_CASE("an unknown word is refused with all that are allowed") {
  CHECK(named<Norm>("batch", "model.norm") == Norm::batch);
  CHECK_THROWS_WITH_AS(named<Norm>("layer", "model.norm"), "model.norm is \"layer\", allowed: group, batch",
                       std::invalid_argument);
}

TEST_CASE("what a rule and a network can do stands beside their names") {
  std::string synchronous, whole, buffered;
  for (const auto& name : names<Rule>()) {
    const auto t = traits(*find<Rule>(name));
    if (t.synchronous) synchronous += name + " ";
    if (t.whole_model) whole += name + " ";
    if (t.buffered) buffered += name + " ";
  }
  CHECK(synchronous == "fedavg ");
  CHECK(whole == "fedasync ");
  CHECK(buffered == "fedbuff port ");
  std::string layers_unknown, one_by_one, no_channels;
  for (const auto& name : names<Architecture>()) {
    const auto t = traits(*find<Architecture>(name));
    if (t.imported) layers_unknown += name + " ";
    if (!t.batchable) one_by_one += name + " ";
    if (!t.convolutions) no_channels += name + " ";
  }
  CHECK(layers_unknown == "torchscript ");
  CHECK(one_by_one == "resnet18 resnet50 torchscript ");
  CHECK(no_channels == "mlp logreg torchscript ");
}
