#include "config/checks.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "config/attack_names.hpp"
#include "config/checks_calibration.hpp"
#include "config/checks_compute.hpp"
#include "config/checks_data.hpp"
#include "config/checks_erasures.hpp"
#include "config/checks_output.hpp"
#include "config/checks_training.hpp"
#include "config/scenario.hpp"
#include "config/text.hpp"

namespace afu::config {

namespace {

class Checks {
 public:
  Checks(const Scenario& s, const Node& root, const std::vector<PluginSection>& methods, Errors& errors)
      : s_(s), root_(root), methods_(methods), errors_(errors) {}

  void all() {
    scenario();
    data();
    backdoor();
    partition_and_training();
    heterogeneity();
    check_erasures(s_, [&](const std::string& key, const std::string& text,
                           std::initializer_list<std::string> needs) { fail(key, text, needs); });
    check_calibration(s_, [&](const std::string& key, const std::string& text,
                              std::initializer_list<std::string> needs) { fail(key, text, needs); });
    method();
    stop();
    check_compute(s_, [&](const std::string& key, const std::string& text,
                          std::initializer_list<std::string> needs) { fail(key, text, needs); });
    attacks();
    check_output(s_, [&](const std::string& key, const std::string& text,
                         std::initializer_list<std::string> needs) { fail(key, text, needs); });
  }

 private:
  /// `needs`: beginnings of other keys that the check looked at. Where one of them is wrong itself, its
  /// default stands in for it, and what would follow from that is no news.
  void fail(const std::string& key, const std::string& text, std::initializer_list<std::string> needs = {}) {
    auto wrong = [&](const std::string& prefix) { return errors_.has_any(prefix); };
    if (!errors_.has(key) && std::none_of(needs.begin(), needs.end(), wrong))
      errors_.add(place_of(root_, key), key, text);
  }

  void client_exists(const std::string& key, std::int64_t client) {
    check_client(s_, key, client,
                 [&](const std::string& at, const std::string& text,
                     std::initializer_list<std::string> needs) { fail(at, text, needs); });
  }

  void scenario() {
    // The name becomes a folder's name.
    const auto& name = s_.scenario.name;
    if (!is_folder_name(name)) fail("scenario.name", no_folder_name(name));
    if (s_.scenario.execute == Execute::timing && s_.scenario.clock == Clock::wall)
      fail("scenario.execute", "\"timing\" needs the virtual clock, scenario.clock is \"wall\"",
           {"scenario.clock"});
  }

  void data() {
    check_data(s_, [&](const std::string& key, const std::string& text,
                       std::initializer_list<std::string> needs) { fail(key, text, needs); });
    if (traits(s_.model.name).imported && s_.model.init_seed > 0)
      fail("model.init_seed",
           std::to_string(s_.model.init_seed) +
               " draws no weights, model.name is \"torchscript\", which starts from its file's; allowed is 0",
           {"model.name"});
    if (traits(s_.model.name).imported && s_.model.path.empty())
      fail("model.path", "\"\" is no path, the model \"torchscript\" needs one", {"model.name"});
    if (!s_.model.init.empty() && traits(s_.model.name).imported)
      fail("model.init",
           quoted(s_.model.init) +
               " does nothing, the model \"torchscript\" starts from model.path; allowed is \"\"",
           {"model.name"});
    else if (!s_.model.init.empty() && s_.model.init_seed > 0)
      fail("model.init_seed",
           std::to_string(s_.model.init_seed) + " draws no weights, model.init has them; allowed is 0",
           {"model.init"});
  }

  void backdoor() {
    const auto& d = s_.data;
    const auto& b = d.backdoor;
    client_exists("data.backdoor.client", b.client);
    if (b.trigger == Trigger::none) return;
    if (b.client < 0 && (s_.erasures.empty() || s_.erasures.front().client < 0))
      fail("data.backdoor.client",
           "-1 is the client of the first erasure, and there is no [[erasure]] or it names none",
           {"erasure", "data.backdoor.trigger"});
    if (d.source == DataSource::phantom && b.mapping == TargetMapping::all_to_one && b.label >= d.classes)
      fail("data.backdoor.label",
           std::to_string(b.label) + " is outside [0, " + std::to_string(d.classes - 1) +
               "], data.classes is " + std::to_string(d.classes),
           {"data.classes", "data.source"});
    if (d.source != DataSource::npz && is_square(b.trigger) && b.size > d.image_size)
      fail("data.backdoor.size",
           std::to_string(b.size) + " is larger than the images, data.image_size is " +
               std::to_string(d.image_size),
           {"data.image_size", "data.source"});
  }

  void partition_and_training() {
    const auto& p = s_.partition;
    const auto& t = s_.training;
    if (p.scheme == PartitionScheme::pathological && s_.data.source == DataSource::phantom &&
        p.classes_per_client > s_.data.classes)
      fail("partition.classes_per_client",
           std::to_string(p.classes_per_client) + " is outside [1, " + std::to_string(s_.data.classes) +
               "], data.classes is " + std::to_string(s_.data.classes),
           {"data.classes", "data.source"});
    if (t.clients_per_round > p.clients)
      fail("training.clients_per_round",
           std::to_string(t.clients_per_round) + " is outside [0, " + std::to_string(p.clients) +
               "], partition.clients is " + std::to_string(p.clients),
           {"partition.clients"});
    check_training(s_, [&](const std::string& key, const std::string& text) {
      fail(key, text,
           {"training.rule", "training.port_similarity", "training.ewc_strength", "training.schedule",
            "training.warm_up", "training.shards", "stop."});
    });
    site_shift();
    ewc();
  }

  void site_shift() {
    const auto& shift = s_.partition.shift;
    if (shift.test != SiteShiftSection{}.test && !shift.any())
      fail("partition.shift.test",
           quoted(shift.test) +
               " does nothing, contrast, noise, bias_field and resolution are 0, allowed with it is one "
               "above 0",
           {"partition.shift."});
  }

  /// Its Fisher information is taken on calibration images of clients that do not ask.
  void ewc() {
    std::set<std::int64_t> asking;
    for (const auto& e : s_.erasures)
      if (e.client >= 0) asking.insert(e.client);
    if (s_.training.ewc_strength > 0 && static_cast<std::int64_t>(asking.size()) >= s_.partition.clients)
      fail("training.ewc_strength",
           number_text(s_.training.ewc_strength) +
               " needs calibration images of a client that asks for no erasure, and all " +
               std::to_string(s_.partition.clients) + " ask",
           {"partition.clients", "erasure"});
  }

  template <class Override>
  void overrides(const std::string& key, const std::vector<Override>& list) {
    std::map<std::int64_t, std::size_t> first;
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto client_key = item(key, i) + ".client";
      client_exists(client_key, list[i].client);
      auto [same, fresh] = first.try_emplace(list[i].client, i);
      if (!fresh)
        fail(client_key, std::to_string(list[i].client) + " stands in " + item(key, same->second) +
                             " already, allowed is one a client");
    }
  }

  void heterogeneity() {
    overrides("heterogeneity.compute.override", s_.heterogeneity.compute.overrides);
    overrides("heterogeneity.network.override", s_.heterogeneity.network.overrides);
    const auto& a = s_.heterogeneity.availability;
    if (a.model == AvailabilityModel::trace && a.path.empty())
      fail("heterogeneity.availability.path", "\"\" is no path, the model \"trace\" needs one",
           {"heterogeneity.availability.model"});
  }

  /// The default method may not be registered either.
  void method() {
    std::vector<std::string> names;
    for (const auto& m : s_.unlearning.methods) names.push_back(m.first);
    if (!s_.unlearning.methods.count(s_.unlearning.method))
      fail("unlearning.method",
           quoted(s_.unlearning.method) + " is unknown, " + meant_or_allowed(s_.unlearning.method, names));
    for (const auto& m : methods_)
      if (m.name == s_.unlearning.method) supported(m);
  }

  void supported(const PluginSection& m) {
    const auto has = [](const std::vector<std::string>& list, const std::string& x) {
      return list.empty() || std::find(list.begin(), list.end(), x) != list.end();
    };
    const auto of_method = ", the method " + quoted(m.name) + " supports ";
    const auto form = s_.unlearning.coordination;
    if (form != CoordinationAsked::default_ && !has(m.coordinations, name_of(form)))
      fail("unlearning.coordination",
           quoted(form) + " is not supported" + of_method + quoted_list(m.coordinations),
           {"unlearning.method"});
    for (std::size_t i = 0; i < s_.erasures.size(); ++i)
      if (!has(m.scopes, name_of(s_.erasures[i].scope)))
        fail(item("erasure", i) + ".scope",
             quoted(s_.erasures[i].scope) + " is not supported" + of_method + quoted_list(m.scopes),
             {"unlearning.method"});
    if (m.check)
      m.check(s_, [&](const std::string& key, const std::string& text) {
        fail(key, text, {"unlearning.method"});
      });
  }

  void stop() {
    const auto& stop = s_.stop;
    if (stop.updates == 0 && stop.rounds == 0 && stop.seconds == 0)
      fail("stop", "the run never ends, allowed is at least one of updates, rounds, seconds above 0",
           {"stop."});
    if (stop.rounds > 0 && !traits(s_.training.rule).synchronous)
      fail("stop.rounds", "rounds are for the rule \"fedavg\", training.rule is " + quoted(s_.training.rule),
           {"training.rule"});
  }

  void attacks() {
    const auto& wanted = s_.evaluation.attacks;
    if (wanted.empty())
      fail("evaluation.attacks", "the list is empty, allowed are " + quoted_list(attack::choices()));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto key = item("evaluation.attacks", i);
      if (!attack::is_choice(wanted[i]))
        fail(key, quoted(wanted[i]) + " is unknown, " + meant_or_allowed(wanted[i], attack::choices()));
      else if (wanted[i] == "none" && wanted.size() > 1)
        fail(key, "\"none\" stands beside others, allowed is it alone");
      else if (attack::needs_references(wanted[i]) && s_.evaluation.reference_models == 0)
        fail(key,
             quoted(wanted[i]) +
                 " needs reference models, evaluation.reference_models is 0, allowed is 1 "
                 "or more",
             {"evaluation.reference_models"});
      else if (wanted[i] == "probe" && traits(s_.model.name).imported)
        fail(key, "\"probe\" needs a network whose layers are known, model.name is \"torchscript\"",
             {"model.name"});
    }
  }

  const Scenario& s_;
  const Node& root_;
  const std::vector<PluginSection>& methods_;
  Errors& errors_;
};

}  // namespace

void check_scenario(const Scenario& s, const Node& root, const std::vector<PluginSection>& methods,
                    Errors& errors) {
  Checks{s, root, methods, errors}.all();
}

}  // namespace afu::config
