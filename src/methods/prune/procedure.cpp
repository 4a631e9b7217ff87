/// Class-discriminative pruning (Wang et al. 2022; see README.md): everybody tells how strongly each channel
/// answers to each class; the server prunes the channels that tell the class to be forgotten best; all train
/// on without them. Pruned are the channels with the highest scores, as the paper's text has it: every public
/// code read keeps those. The scores themselves are the paper's by default; `variant` and `tf_coe` are what codes
/// have.
#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/prune/job.hpp"
#include "methods/registry.hpp"
#include "methods/script.hpp"
#include "methods/shared.hpp"
#include "train/train_job.hpp"

namespace afu::methods {
namespace {

Collect statistics(const View& view) {
  Collect all;
  for (const auto& p : view.participants()) {
    if (p.all_rows && p.all_rows->empty()) continue;
    PruneStatisticsJob job{view.model, p.all_rows, view.scenario->evaluation.batch_size};
    const auto n = p.all_rows ? static_cast<std::int64_t>(p.all_rows->size()) : p.samples;
    all.work.push_back({p.client, std::move(job), static_cast<double>(n) / 3});  // a forward pass alone
  }
  return all;
}

/// From what all have told.
Erase pruning(const View& view, std::int64_t label) {
  PruneJob job;
  job.model = view.model;
  for (const auto& [client, result] : view.collected) {
    if (!result) continue;
    const auto& theirs = result->numbers;
    if (job.statistics.empty()) job.statistics.resize(theirs.size());
    std::transform(theirs.begin(), theirs.end(), job.statistics.begin(), job.statistics.begin(),
                   std::plus<>());
  }
  job.label = label;
  job.sparsity = view.settings->real("sparsity");
  job.form.idf =
      view.settings->text("variant") == "code" ? Discrimination::Idf::code : Discrimination::Idf::paper;
  job.form.tf_coe = view.settings->real("tf_coe");
  return {std::move(job), 0, false};
}

/// Nobody moves a pruned parameter again, not even after the request is done. `mask`: null in timing-only runs.
Retune keep_pruned(ParametersPtr mask) {
  if (!mask) return Retune{};
  auto extras = std::make_shared<train::TrainExtras>();
  extras->mask = std::move(mask);
  return Retune{std::move(extras)};
}

Script prune(Request request, const Now& now) {
  co_yield Halt{};
  co_yield statistics(now.view());
  const auto* pruned = co_yield pruning(now.view(), request.label);
  const auto mask = pruned && pruned->outputs.size() > 1 ? pruned->outputs[1] : nullptr;
  co_yield Replace{first_output(pruned), now->version};
  co_yield keep_pruned(mask);
  co_yield Resume{};
  co_yield AwaitUpdates{static_cast<std::uint64_t>(now->settings->integer("recovery_updates"))};
  co_yield Forgotten{};
}

void check(const config::Scenario& s, const config::Complain& complain) {
  if (!config::traits(s.model.name).convolutions)
    complain("model.name", config::quoted(s.model.name) +
                               " has no convolutions that the method \"prune\" knows; allowed are \"cnn\", "
                               "\"cnn_small\", \"lenet\", \"cnn_mnist\", \"resnet18\", \"resnet50\"");
}

}  // namespace

Method prune_method() {
  Method m;
  m.name = "prune";
  m.help = "Prunes the channels that tell the class to be forgotten best; all train on without them.";
  m.traits.default_coordination = Coordination::blocking;
  m.traits.coordinations = {Coordination::blocking};
  m.traits.scopes = {Scope::data_class};
  m.one_class = "it prunes the channels that tell one class from the others";
  m.traits.refusals = {{Scope::client, "channels tell classes apart, not clients"},
                       {Scope::samples, "channels tell classes apart, not samples"}};
  using namespace config;
  m.options = {
      number("sparsity", 0.05, above(0, 1), "Share of all convolutions' channels that is pruned."),
      variant(
          {"paper", "code"},
          "How the classes count that a channel answers to. paper: log((1 + C) / (1 + count)). code: log(C / "
          "(count + 1)), as public codes have it."),
      number(
          "tf_coe", 0.0, from(0, 16),
          "Above 0: a channel's share of its layer's answer is multiplied by log(channels of the layer * e / "
          "this), which public codes offer; 0: it is not, as in the paper."),
      number("recovery_updates", 0, from(0, 1e9),
             "After so many accepted updates the model counts as erased.", "updates"),
  };
  m.start = &scripted<&prune>;
  m.jobs = {job::type_of<PruneStatisticsJob>(), job::type_of<PruneJob>()};
  m.check = check;
  return m;
}

}  // namespace afu::methods
