#include "config/checks_erasures.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>

#include "config/scenario.hpp"
#include "config/text.hpp"

namespace afu::config {

namespace {

std::string item(std::size_t i) { return "erasure[" + std::to_string(i) + "]"; }

class ErasureChecks {
 public:
  ErasureChecks(const Scenario& s, const Fail& fail) : s_(s), fail_(fail) {}

  void all() {
    constexpr std::size_t most_partial = 64;  // a client's task names those it honours in 64 bits
    std::set<std::int64_t> leaving, classes;
    std::map<std::int64_t, double> parted;  // what requests ask of a client, in parts
    for (std::size_t i = 0; i < s_.erasures.size(); ++i) {
      const auto& e = s_.erasures[i];
      auto key = item(i);
      who(key, e);
      if (e.scope == Scope::client) leaving.insert(e.client);
      if (e.scope != Scope::client && i >= most_partial)
        fail_(key + ".scope",
              quoted(e.scope) + " stands behind " + std::to_string(most_partial) +
                  " other erasures, allowed is \"client\" there",
              {});
      when(key, e);
      if (e.scope == Scope::samples && !e.named() && e.fraction >= 1)
        fail_(key + ".fraction",
              number_text(e.fraction) +
                  " is outside (0, 1), scope \"samples\" leaves the client "
                  "some; scope \"client\" erases all",
              {});
      if (e.scope == Scope::data_class && e.label >= 0) classes.insert(e.label);
      if (e.scope != Scope::samples || e.named() || e.client < 0) continue;
      const double before = parted[e.client];
      if (before > 0 && e.fraction < 1 && before + e.fraction >= 1)
        fail_(key + ".fraction",
              number_text(e.fraction) + " and the " + number_text(before) +
                  " that requests before it take of client " + std::to_string(e.client) +
                  " leave it nothing, allowed is a sum below 1",
              {});
      parted[e.client] = before + e.fraction;
    }
    if (s_.data.source == DataSource::phantom && static_cast<std::int64_t>(classes.size()) >= s_.data.classes)
      fail_("erasure",
            "all " + std::to_string(s_.data.classes) +
                " classes are to be forgotten, allowed is to keep one at "
                "least",
            {"data.classes", "data.source", "erasure"});
    if (!leaving.empty() && static_cast<std::int64_t>(leaving.size()) >= s_.partition.clients)
      fail_("erasure",
            "all " + std::to_string(s_.partition.clients) + " clients leave, allowed is to keep one at least",
            {"partition.clients", "erasure"});
  }

 private:
  void who(const std::string& key, const Erasure& e) {
    named(key, e);
    if (e.scope == Scope::data_class) {
      if (e.client >= 0)
        fail_(key + ".client", std::to_string(e.client) + " is given, the scope \"class\" has no client",
              {key + ".scope"});
      if (e.label < 0) fail_(key, "class is missing, the scope \"class\" needs one", {key});
      if (s_.data.source == DataSource::phantom && e.label >= s_.data.classes)
        fail_(key + ".class",
              std::to_string(e.label) + " is outside [0, " + std::to_string(s_.data.classes - 1) +
                  "], data.classes is " + std::to_string(s_.data.classes),
              {"data.classes", "data.source"});
      return;
    }
    if (e.client < 0 && !e.named())
      fail_(key,
            "client is missing, allowed is a whole number in [0, " +
                std::to_string(s_.partition.clients - 1) + "]",
            {key, "partition.clients"});
    check_client(s_, key + ".client", e.client, fail_);
    if (e.label >= 0)
      fail_(key + ".class",
            std::to_string(e.label) + " is given, the scope " + quoted(e.scope) + " has no class",
            {key + ".scope"});
  }

  /// Samples by their subjects or in a file.
  void named(const std::string& key, const Erasure& e) {
    if (e.scope == Scope::subject && e.subjects.empty())
      fail_(key, "subject is missing, the scope \"subject\" needs one, or several", {key});
    if (e.scope != Scope::subject && !e.subjects.empty())
      fail_(key + ".subject",
            quoted_list(e.subjects) + " is given, the scope " + quoted(e.scope) +
                " has none, allowed with it is \"subject\"",
            {key + ".scope"});
    if (e.scope != Scope::samples && !e.file.empty())
      fail_(key + ".file",
            quoted(e.file) + " is given, the scope " + quoted(e.scope) +
                " has no file of samples, allowed with it is \"samples\"",
            {key + ".scope"});
    for (std::size_t i = 0; i < e.subjects.size(); ++i) {
      const auto& name = e.subjects[i];
      const auto at = key + ".subject" + (e.subjects.size() > 1 ? "[" + std::to_string(i) + "]" : "");
      if (name.empty()) fail_(at, "\"\" names no subject", {});
      if (std::count(e.subjects.begin(), e.subjects.end(), name) > 1)
        fail_(at, quoted(name) + " stands there more than once, allowed is once", {key + ".subject"});
    }
    if (s_.data.source != DataSource::phantom) return;
    if (e.scope == Scope::subject)
      fail_(
          key + ".scope",
          "\"subject\" needs data that tell subjects, the source \"phantom\" tells none, allowed are \"client\", "
          "\"samples\", \"class\"",
          {"data.source"});
    if (e.scope == Scope::samples && e.named() && s_.scenario.execute == Execute::timing)
      fail_(
          key + ".file",
          quoted(e.file) +
              " names images, and with scenario.execute \"timing\" the source \"phantom\" draws none, allowed is "
              "a fraction",
          {"data.source", "scenario.execute"});
  }

  /// Exactly one time, and one that the run reaches.
  void when(const std::string& key, const Erasure& e) {
    int given = (e.at_update >= 0) + (e.at_round >= 0) + (e.at_seconds >= 0);
    if (given != 1)
      fail_(key,
            std::to_string(given) +
                " times are given, allowed is exactly one of at_update, at_round, at_seconds",
            {key + ".at"});
    if (e.at_round >= 0 && !traits(s_.training.rule).synchronous)
      fail_(key + ".at_round",
            "rounds are for the rule \"fedavg\", training.rule is " + quoted(s_.training.rule),
            {"training.rule"});
    auto reached = [&](const char* name, auto at, auto stop, const std::string& text,
                       const std::string& stop_text) {
      if (at >= 0 && stop > 0 && at >= stop)
        fail_(key + "." + name, text + " is never reached, the run stops at " + stop_text, {"stop."});
    };
    const auto& s = s_.stop;
    reached("at_update", e.at_update, s.updates, std::to_string(e.at_update),
            "stop.updates " + std::to_string(s.updates));
    reached("at_round", e.at_round, s.rounds, std::to_string(e.at_round),
            "stop.rounds " + std::to_string(s.rounds));
    if (s_.erasures.size() == 1 && traits(s_.training.rule).synchronous) in_rounds(key, e);
    reached("at_seconds", e.at_seconds, s.seconds, number_text(e.at_seconds),
            "stop.seconds " + number_text(s.seconds));
  }

  /// A single request among barrier rounds: updates and rounds tell of each other, where no round goes on
  /// without a client that dropped out.
  void in_rounds(const std::string& key, const Erasure& e) {
    const auto& t = s_.training;
    const auto clients = t.clients_per_round > 0 ? t.clients_per_round : s_.partition.clients;
    const auto of_a_round = ", a round has " + std::to_string(clients) + " updates";
    const auto& s = s_.stop;
    if (e.at_round > 0 && s.updates > 0 && s_.heterogeneity.availability.dropout_probability == 0 &&
        e.at_round >= (s.updates + clients - 1) / clients)
      fail_(key + ".at_round",
            std::to_string(e.at_round) + " is never reached, the run stops at stop.updates " +
                std::to_string(s.updates) + of_a_round,
            {"stop.", "partition.clients", "training.", "heterogeneity.availability"});
    if (e.at_update > 0 && s.rounds > 0 && e.at_update / clients >= s.rounds)
      fail_(key + ".at_update",
            std::to_string(e.at_update) + " is never reached, the run stops at stop.rounds " +
                std::to_string(s.rounds) + of_a_round,
            {"stop.", "partition.clients", "training."});
  }

  const Scenario& s_;
  const Fail& fail_;
};

}  // namespace

void check_client(const Scenario& s, const std::string& key, std::int64_t client, const Fail& fail) {
  if (client >= s.partition.clients)
    fail(key,
         std::to_string(client) + " is outside [0, " + std::to_string(s.partition.clients - 1) +
             "], partition.clients is " + std::to_string(s.partition.clients),
         {"partition.clients"});
}

void check_erasures(const Scenario& s, const Fail& fail) { ErasureChecks(s, fail).all(); }

}  // namespace afu::config
