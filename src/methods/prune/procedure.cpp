/// Class-discriminative pruning (Wang et al. 2022; see README.md): everybody tells how strongly each channel
/// answers to each class; the server prunes the channels that tell the class to be forgotten best; all train
/// on without them. Pruned are the channels with the highest scores, as the paper's text has it: every public
/// code read keeps those. The scores themselves are the paper's by default; `idf` and `tf_coe` are what codes
/// have.
#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "config/scenario.hpp"
#include "engine/kernel_job.hpp"
#include "methods/calibration.hpp"
#include "methods/registry.hpp"
#include "train/train_job.hpp"

namespace afu::methods {
namespace {

class Prune : public Procedure {
 public:
  explicit Prune(Request request) : request_(std::move(request)) {}

  Step next(const View& view, const job::JobResult* result) override {
    switch (stage_++) {
      case 0:
        return Halt{};
      case 1:
        return statistics(view);
      case 2:
        return erase(view);
      case 3:
        if (result && result->outputs.size() > 1) mask_ = result->outputs[1];
        return Replace{first_output(result)};
      case 4:
        return Retune{keep_pruned()};
      case 5:
        return Resume{};
      case 6:
        return AwaitUpdates{static_cast<std::uint64_t>(view.settings->integer("recovery_updates"))};
      case 7:
        return Forgotten{};
      default:
        return Done{};
    }
  }

 private:
  static Collect statistics(const View& view) {
    Collect all;
    for (const auto& p : view.participants()) {
      if (p.all_rows && p.all_rows->empty()) continue;
      job::KernelJob job;
      job.kernel = "prune_statistics";
      job.settings.set("batch_size", view.scenario->evaluation.batch_size);
      job.inputs = {view.model};
      job.samples = {p.all_rows};
      const auto n = p.all_rows ? static_cast<std::int64_t>(p.all_rows->size()) : p.samples;
      all.work.push_back({p.client, std::move(job), static_cast<double>(n) / 3});  // a forward pass alone
    }
    return all;
  }

  Erase erase(const View& view) const {
    job::KernelJob job;
    job.kernel = "prune";
    job.settings.set("label", request_.label);
    job.settings.set("sparsity", view.settings->real("sparsity"));
    job.settings.set("idf", view.settings->text("idf"));
    job.settings.set("tf_coe", view.settings->real("tf_coe"));
    job.inputs = {view.model};
    for (const auto& [client, result] : view.collected) {
      if (!result) continue;
      if (job.numbers.empty()) job.numbers.resize(result->numbers.size());
      std::transform(result->numbers.begin(), result->numbers.end(), job.numbers.begin(), job.numbers.begin(),
                     std::plus<>());
    }
    return {std::move(job), 0, false};
  }

  /// Nobody moves a pruned parameter again, not even after the request is done.
  std::shared_ptr<const train::TrainExtras> keep_pruned() const {
    if (!mask_) return nullptr;
    auto extras = std::make_shared<train::TrainExtras>();
    extras->mask = mask_;
    return extras;
  }

  Request request_;
  int stage_ = 0;
  ParametersPtr mask_;
};

void check(const config::Scenario& s, const config::Complain& complain) {
  constexpr std::array pruned{"cnn", "cnn_small", "lenet", "cnn_mnist", "resnet18"};
  if (std::find(pruned.begin(), pruned.end(), s.model.name) == pruned.end())
    complain("model.name", "\"" + s.model.name +
                               "\" has no convolutions that the method \"prune\" knows; allowed are \"cnn\", "
                               "\"cnn_small\", \"lenet\", \"cnn_mnist\", \"resnet18\"");
}

}  // namespace

Method prune_method() {
  Method m;
  m.name = "prune";
  m.help = "Prunes the channels that tell the class to be forgotten best; all train on without them.";
  m.traits.default_coordination = Coordination::blocking;
  m.traits.coordinations = {Coordination::blocking};
  m.traits.scopes = {Scope::data_class};
  m.traits.refusals = {{Scope::client, "channels tell classes apart, not clients"},
                       {Scope::samples, "channels tell classes apart, not samples"}};
  m.options = {
      {"sparsity", 0.05, "Share of all convolutions' channels that is pruned.", "", 0.0, 1.0, true, {}},
      {"idf",
       std::string{"paper"},
       "How the classes count that a channel answers to. paper: log((1 + C) / (1 + count)). code: log(C / "
       "(count + 1)), as public codes have it.",
       "",
       0,
       0,
       false,
       {"paper", "code"}},
      {"tf_coe",
       0.0,
       "Above 0: a channel's share of its layer's answer is multiplied by log(channels of the layer * e / "
       "this), which public codes offer; 0: it is not, as in the paper.",
       "",
       0.0,
       16.0,
       false,
       {}},
      {"recovery_updates",
       std::int64_t{0},
       "After so many accepted updates the model counts as erased.",
       "updates",
       0,
       1e9,
       false,
       {}},
  };
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<Prune>(r); };
  m.check = check;
  return m;
}

}  // namespace afu::methods
