#include "methods/registry.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "config/scenario.hpp"

namespace afu::methods {

/// One line a method: NAME_method() is in its folder.
#define AFU_METHODS       \
  METHOD(afu_ic)          \
  METHOD(afu_ic_paper)    \
  METHOD(fedau)           \
  METHOD(federaser)       \
  METHOD(fedosd)          \
  METHOD(fedquit)         \
  METHOD(fedrecovery)     \
  METHOD(fine_tune)       \
  METHOD(gradient_ascent) \
  METHOD(kd)              \
  METHOD(knot)            \
  METHOD(maverick)        \
  METHOD(none)            \
  METHOD(not )            \
  METHOD(pga)             \
  METHOD(prune)           \
  METHOD(relabel)         \
  METHOD(retrain)         \
  METHOD(roll_back)       \
  METHOD(sifu)            \
  METHOD(subtract)

#define METHOD(name) Method name##_method();
AFU_METHODS
#undef METHOD

const std::vector<Method>& methods() {
#define METHOD(name) name##_method(),
  static const std::vector<Method> table{AFU_METHODS};
#undef METHOD
  return table;
}

const Method& find_method(const std::string& name) {
  std::string known;
  for (const auto& m : methods()) {
    if (m.name == name) return m;
    known += (known.empty() ? "" : ", ") + m.name;
  }
  throw std::invalid_argument("unknown unlearning method '" + name + "'; allowed: " + known);
}

std::vector<Scope> scopes_of(const Method& method) {
  auto all = method.traits.scopes;
  const auto part = std::find(all.begin(), all.end(), Scope::samples);
  if (part != all.end()) all.insert(part + 1, Scope::subject);
  return all;
}

Needs needs_of(const Method& method, const config::Scenario& scenario) {
  auto needs = method.needs ? method.needs(scenario.unlearning.methods.at(method.name)) : method.traits.needs;
  if (method.traits.by_shard && needs.influence)
    needs.shards = static_cast<std::size_t>(scenario.training.shards);
  return needs;
}

bool everybody_asks(const config::Scenario& s) {
  std::set<std::int64_t> asking;
  for (const auto& e : s.erasures)
    if (e.client >= 0) asking.insert(e.client);
  return static_cast<std::int64_t>(asking.size()) >= s.partition.clients;
}

const char* to_string(Coordination c) { return c == Coordination::blocking ? "blocking" : "concurrent"; }

namespace {

/// With the reason, where the method tells it; so the sections themselves name no scopes.
void check_scopes(const Method& method, const config::Scenario& s, const config::Complain& complain) {
  std::string supported;
  for (auto scope : scopes_of(method))
    supported += (supported.empty() ? "\"" : ", \"") + config::name_of(scope) + "\"";
  for (std::size_t i = 0; i < s.erasures.size(); ++i) {
    const auto scope = s.erasures[i].scope;
    const auto has = scopes_of(method);
    if (std::find(has.begin(), has.end(), scope) != has.end()) continue;
    std::string why;
    for (const auto& [refused, reason] : method.traits.refusals)
      if (refused == scope || (config::is_part(refused) && config::is_part(scope))) why = ": " + reason;
    complain("erasure[" + std::to_string(i) + "].scope", "\"" + config::name_of(scope) +
                                                             "\" is not supported, the method \"" +
                                                             method.name + "\" supports " + supported + why);
  }
}

/// What a client has merged can be taken out of the model again only where it stays what it was when merged:
/// w holds the sum of weight * delta, and no delta changes what becomes of another.
void check_rule(const Method& method, const config::Scenario& s, const config::Complain& complain) {
  const auto& t = s.training;
  const auto needs = needs_of(method, s);
  const bool asked = !s.erasures.empty();
  if (!asked || !(needs.influence || needs.accumulator)) return;
  const auto why = ", the method \"" + method.name + "\" takes out what single clients have contributed";
  if (config::traits(t.rule).balances)
    complain(
        "training.rule",
        "\"aso_fed\" merges each delta with the client's earlier ones, so they live on in the model" + why);
  if (config::traits(t.rule).follows)
    complain("training.rule", "\"port\" weighs each delta by the course the others gave the model" + why);
  if (config::traits(t.rule).whole_model && t.mixing >= 1 && needs.accumulator)
    complain(
        "training.mixing",
        "1 replaces the model by each fresh update's, so nothing is left without the client that sent the "
        "last, allowed is below 1" +
            why);
  if (t.server_momentum > 0)
    complain("training.server_momentum", "a delta lives on in the server's momentum, allowed is 0" + why);
}

/// Clients that train on shards one after the other train nothing beside that.
void check_shards(const Method& method, const config::Scenario& s, const config::Complain& complain) {
  if (s.training.shards > 1 && needs_of(method, s).auxiliary_head)
    complain("training.shards", std::to_string(s.training.shards) +
                                    " divides a client's samples, the method \"" + method.name +
                                    "\" trains a second head on all of them, allowed with it is 1");
}

}  // namespace

std::vector<config::PluginSection> method_sections() {
  std::vector<config::PluginSection> sections;
  for (const auto& m : methods()) {
    const auto check = [&m](const config::Scenario& s, const config::Complain& complain) {
      check_scopes(m, s, complain);
      if (m.check) m.check(s, complain);
      check_rule(m, s, complain);
      check_shards(m, s, complain);
    };
    config::PluginSection section{m.name, m.help, m.options, {}, {}, check, m.uses, m.implied};
    for (auto c : m.traits.coordinations) section.coordinations.emplace_back(to_string(c));
    sections.push_back(std::move(section));
  }
  return sections;
}

Coordination coordination(const Method& method, config::CoordinationAsked asked) {
  using Asked = config::CoordinationAsked;
  if (asked == Asked::default_) return method.traits.default_coordination;
  const auto wanted = asked == Asked::blocking ? Coordination::blocking : Coordination::concurrent;
  const auto& offered = method.traits.coordinations;
  if (std::find(offered.begin(), offered.end(), wanted) != offered.end()) return wanted;
  throw std::invalid_argument("method '" + method.name + "' has no " + config::name_of(asked) +
                              " form; it is " + to_string(offered.front()));
}

}  // namespace afu::methods
