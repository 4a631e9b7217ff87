#include "federate/multi_label.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/attack_names.hpp"
#include "config/scenario.hpp"
#include "data/dataset.hpp"
#include "methods/registry.hpp"

namespace afu::federate {
namespace {

std::string methods_that_serve() {
  std::string names;
  for (const auto& m : methods::methods())
    if (m.one_class.empty()) names += fmt::format("{}{}", names.empty() ? "" : ", ", m.name);
  return names;
}

}  // namespace

void check_multi_label(const config::Scenario& s) {
  std::string wrong;
  const auto refuse = [&](const std::string& key, const std::string& what) {
    wrong += fmt::format("{}{}: {}", wrong.empty() ? "" : "\n", key, what);
  };
  for (std::size_t i = 0; i < s.erasures.size(); ++i)
    if (s.erasures[i].scope == config::Scope::data_class)
      refuse(
          fmt::format("erasure[{}].scope", i),
          "\"class\" needs images of one class, and these have any number of labels; allowed are client, samples "
          "and subject");
  if (!s.erasures.empty())
    if (const auto& method = methods::find_method(s.unlearning.method); !method.one_class.empty())
      refuse("unlearning.method",
             fmt::format(
                 "\"{}\" needs images of one class, and these have any number of labels: {}; allowed are {}",
                 method.name, method.one_class, methods_that_serve()));
  for (const auto& k : attack::known)
    if (k.one_class && std::count(s.evaluation.attacks.begin(), s.evaluation.attacks.end(), k.name) > 0)
      refuse("evaluation.attacks",
             fmt::format("\"{}\" needs images of one class, and these have any number of labels: {}", k.name,
                         k.one_class));
  if (s.compute.step == config::StepEngine::kernels)
    refuse(
        "compute.step",
        "\"kernels\" has no kernel of the binary cross entropy, which images with any number of labels are trained "
        "with; allowed are auto, fused, autograd and graph");
  if (!wrong.empty()) throw data::DataError(wrong);
}

std::string attacks_left_out(const config::Scenario& s) {
  std::string names;
  for (const auto& name : attack::selected(s.evaluation.attacks, s.evaluation.reference_models > 0))
    for (const auto& k : attack::known)
      if (k.one_class && name == k.name)
        names += fmt::format("{}\"{}\" ({})", names.empty() ? "" : ", ", name, k.one_class);
  return names.empty()
             ? names
             : fmt::format("attacks: images have any number of labels, so that there is no {}", names);
}

}  // namespace afu::federate
