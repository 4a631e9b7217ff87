#pragma once
/// Small scenarios drawn at random, each a pure function of its seed: who asks, when and for what, among clients that
/// drop out, are away for good, lose messages, and under any rule, method and stop limits that go together.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "config/choices.hpp"
#include "methods/registry.hpp"

namespace afu::test {

/// On the run's clock: far beyond what any of them takes that gets on.
constexpr double watchdog_seconds = 50'000;
/// Likewise.
constexpr std::uint64_t watchdog_events = 200'000;

class RandomScenario {
 public:
  /// Where clients that are away for good are listed, `away_file` is written by the caller with `away`.
  RandomScenario(std::uint64_t seed, std::string away_file)
      : random_(seed), seed_(seed), away_file_(std::move(away_file)) {
    federation();
    method();
    stop();
    const auto requests = erasures();
    line("[calibration]\nsamples_per_environment = 4\nwindow_updates = {}", from(1, 6));
    // Of its images those of clients that ask are no part.
    if (static_cast<std::int64_t>(asking_.size()) == clients_) line("steps = 0\nwindow_steps = 0");
    text_ += requests;
  }

  const std::string& text() const { return text_; }
  std::size_t asked() const { return asked_; }
  const std::string& method_name() const { return method_->name; }
  /// Of heterogeneity.availability.path; empty: none is needed.
  const std::string& away() const { return away_; }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  std::int64_t from(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
  }
  template <class T>
  T one_of(const std::vector<T>& list) {
    return list[below(list.size())];
  }
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    text_ += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }

  void federation() {
    clients_ = from(2, 10);
    rule_ = one_of<config::Rule>({config::Rule::async_delta, config::Rule::fedavg, config::Rule::fedasync,
                                  config::Rule::fedbuff, config::Rule::aso_fed, config::Rule::port});
    line("[scenario]\nname = \"random\"\nseed = {}\nexecute = \"timing\"", seed_ + 1);
    line("[data]\nimage_size = 8\nclasses = 4\ntrain_samples = {}\nval_samples = 60\ntest_samples = 20",
         24 * clients_);
    line("[partition]\nclients = {}", clients_);
    line("[model]\nname = \"cnn_small\"");
    line("[training]\nrule = \"{}\"\nbatch_size = 8\nlocal_epochs = {}", config::name_of(rule_), from(1, 3));
    if (config::traits(rule_).buffered) line("buffer_size = {}", from(1, 4));
    if (config::traits(rule_).synchronous) {
      of_a_round_ = chance(50) ? from(1, clients_) : clients_;
      line("clients_per_round = {}", of_a_round_ == clients_ ? 0 : of_a_round_);
    } else if (chance(30)) {
      in_flight_ = from(1, clients_);
      line("max_in_flight = {}", in_flight_);
    }
    line("[heterogeneity.compute]\nseconds_per_sample = 0.01\nslowdown = {}",
         chance(30) ? "1.0" : "{ distribution = \"lognormal\", median = 1.0, sigma = 0.8 }");
    line("[heterogeneity.network]\nlatency_seconds = {}\nloss_probability = {}\nretransmit_seconds = 0.3",
         one_of<std::string>({"0.0", "0.01", "1.0"}), one_of<std::string>({"0.0", "0.0", "0.3", "0.8"}));
    line("[heterogeneity.availability]\ndropout_probability = {}\ndropout_restart_seconds = {}",
         one_of<std::string>({"0.0", "0.0", "0.2", "0.7"}), one_of<std::string>({"0.0", "0.5"}));
    availability();
  }

  void availability() {
    switch (below(5)) {
      case 0:
        line("model = \"markov\"\nmean_on_seconds = 2.0\nmean_off_seconds = {}", from(1, 20));
        break;
      case 1:
        line("model = \"diurnal\"\nperiod_seconds = 20.0\non_fraction = 0.3");
        break;
      case 2: {  // some go for good, now or in the middle of the run
        away_ = "client,on_seconds,off_seconds\n";
        for (std::int64_t c = 0; c < clients_; ++c)
          away_ += fmt::format(
              "{},0,{}\n", c, chance(30) ? fmt::format("{}", 0.1 * static_cast<double>(from(1, 60))) : "1e9");
        line("model = \"trace\"\npath = \"{}\"", away_file_);
        break;
      }
      default:
        break;
    }
  }

  /// What the checks of a scenario let go together.
  bool goes_together(const methods::Method& m) const {
    const auto rule = config::traits(rule_);
    if (m.name == "knot")
      return clients_ >= 4 && (rule_ == config::Rule::async_delta || rule_ == config::Rule::fedbuff) &&
             in_flight_ == 0;
    if (m.name == "sifu") return !rule.whole_model;
    const auto& needs = m.traits.needs;
    return !(needs.accumulator || needs.influence) || !(rule.balances || rule.follows);
  }

  void method() {
    std::vector<const methods::Method*> all;
    for (const auto& m : methods::methods())
      if (goes_together(m)) all.push_back(&m);
    method_ = one_of(all);
    line("[unlearning]\nmethod = \"{}\"\nlate = \"{}\"", method_->name,
         one_of<std::string>({"rebase", "guard", "drop", "accept"}));
    if (chance(50)) line("coordination = \"{}\"", methods::to_string(one_of(method_->traits.coordinations)));
    if (method_->name == "knot") line("[unlearning.knot]\nclusters = 2");
  }

  void stop() {
    line("[stop]");
    if (config::traits(rule_).synchronous && chance(50))
      line("rounds = {}", rounds_ = from(2, 12));
    else if (chance(80))
      line("updates = {}", updates_ = from(5, 60));
    seconds_ = rounds_ + updates_ == 0 || chance(20) ? static_cast<double>(from(2, 40)) : watchdog_seconds;
    line("seconds = {:.1f}", seconds_);
  }

  /// When; requests of one scenario often name the same moment.
  std::string when(bool alone) {
    const bool together = chance(30);
    if (together && !last_.empty()) return last_;
    const auto kind = below(3);
    if (kind == 0 || (kind == 1 && !config::traits(rule_).synchronous)) {
      auto most = updates_ > 0 ? updates_ - 1 : 20;
      if (alone && rounds_ > 0) most = std::min(most, rounds_ * of_a_round_ - 1);
      last_ = fmt::format("at_update = {}", from(0, most));
    } else if (kind == 1) {
      auto most = rounds_ > 0 ? rounds_ - 1 : 8;
      if (updates_ > 0) most = std::min(most, (updates_ + of_a_round_ - 1) / of_a_round_ - 1);
      last_ = fmt::format("at_round = {}", from(0, most));
    } else {
      last_ = fmt::format("at_seconds = {:.2f}",
                          0.01 * static_cast<double>(from(
                                     0, static_cast<std::int64_t>(100 * std::min(seconds_ - 0.5, 30.0)))));
    }
    return last_;
  }

  std::string erasures() {
    const auto& scopes = method_->traits.scopes;
    const auto may = [&](config::Scope scope) {
      return std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
    };
    // kd distils on images of a client that never asks.
    const std::int64_t first = method_->name == "kd" ? 1 : 0;
    const bool all = chance(15);  // everybody asks
    asked_ = static_cast<std::size_t>(all ? clients_ - first : from(1, 5));
    std::set<std::int64_t> leaving;
    std::map<std::int64_t, int> parts;
    std::string requests;
    for (std::size_t i = 0; i < asked_; ++i) {
      requests += "[[erasure]]\n" + when(asked_ == 1) + "\n";
      auto scope = one_of(scopes);
      if (scope == config::Scope::data_class) {
        requests += fmt::format("scope = \"class\"\nclass = {}\n", from(0, 2));
        continue;
      }
      auto client = all ? first + static_cast<std::int64_t>(i) : from(first, clients_ - 1);
      if (scope == config::Scope::samples && parts[client] >= 3) scope = config::Scope::client;
      // One client at least stays.
      if (scope == config::Scope::client && leaving.count(client) == 0 &&
          static_cast<std::int64_t>(leaving.size()) + 1 >= clients_) {
        if (may(config::Scope::samples) && parts[client] < 3)
          scope = config::Scope::samples;
        else
          client = *leaving.begin();
      }
      asking_.insert(client);
      requests += fmt::format("client = {}\n", client);
      if (scope == config::Scope::client) {
        leaving.insert(client);
      } else {
        requests += "scope = \"samples\"\nfraction = 0.25\n";
        ++parts[client];
      }
    }
    return requests;
  }

  std::mt19937_64 random_;
  std::uint64_t seed_;
  std::string away_file_, away_, text_, last_;
  std::set<std::int64_t> asking_;
  std::int64_t clients_ = 0, of_a_round_ = 1, in_flight_ = 0, rounds_ = 0, updates_ = 0;
  double seconds_ = 0;
  config::Rule rule_ = config::Rule::async_delta;
  const methods::Method* method_ = nullptr;
  std::size_t asked_ = 0;
};

}  // namespace afu::test
