#include <c10/util/accumulate.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "calibrate/jobs.hpp"
#include "calibrate/perturbations.hpp"
#include "calibrate/search_images.hpp"
#include "engine/sgd.hpp"
#include "engine/task_loss.hpp"
#include "engine/workspace.hpp"

namespace afu::calibrate {
namespace {

constexpr double works_from = 0.5;  ///< part of the images that a pattern must turn

struct Fall {
  std::int64_t label = 0;
  double by = 0;  ///< the mean logit before less that after
};

/// Of every label, the largest first; the replica then is the model before.
std::vector<Fall> falls(engine::Workspace& workspace, const torch::Tensor& images, const DifferenceJob& job) {
  torch::NoGradGuard no_grad;
  workspace.load(*job.erased);
  const auto after = workspace.net().forward(images).to(torch::kFloat64).mean(0);
  workspace.load(*job.before);
  const auto before = workspace.net().forward(images).to(torch::kFloat64).mean(0);
  const auto by = (before - after).to(torch::kCPU);
  std::vector<Fall> all;
  for (std::int64_t label = 0; label < by.size(0); ++label) all.push_back({label, by[label].item<double>()});
  std::stable_sort(all.begin(), all.end(), [](const Fall& a, const Fall& b) { return a.by > b.by; });
  return all;
}

/// How many labels fell by more than half of the largest fall; 0 where none fell.
std::int64_t fallen_most(const std::vector<Fall>& falls) {
  const double most = falls.front().by;
  return most <= 0
             ? 0
             : std::count_if(falls.begin(), falls.end(), [&](const Fall& f) { return f.by > most / 2; });
}

/// Where a search begins, and what its variables stand for. Flat: the mask's logits, where there is a mask, then artanh of the pattern or of q.
class Variables {
 public:
  Variables(const torch::Tensor& images, bool masked, base::Stream* noise)
      : masked_(masked), image_(images.sizes().slice(1).vec()), pixels_(c10::multiply_integers(plane())) {
    constexpr double kMaskStart = -2;  // thin: 0.12 everywhere
    constexpr float kSpread = 0.5f;    // of where a restart begins
    const auto mask = masked_ ? pixels_ : 0;
    auto start = torch::zeros({mask + channels() * pixels_}, torch::kFloat32);
    if (noise) {
      auto* values = start.data_ptr<float>();
      for (std::int64_t i = 0; i < start.numel(); ++i)
        values[i] = kSpread * static_cast<float>(noise->normal());
    }
    if (masked_) start.narrow(0, 0, mask).add_(kMaskStart);
    values_ = start.to(images.device());
  }

  bool masked() const { return masked_; }
  torch::Tensor values() const { return values_.clone(); }

  UniversalTrigger pattern(const torch::Tensor& of) const {
    const auto p = of.narrow(0, masked_ ? pixels_ : 0, channels() * pixels_).view(image_).tanh();
    if (!masked_) return {torch::zeros(plane(), of.options()), p};
    const auto m = of.narrow(0, 0, pixels_).view(plane()).sigmoid();
    return {m, p * m};
  }

 private:
  std::int64_t channels() const { return image_.front(); }
  /// One channel.
  at::IntArrayRef plane() const { return at::IntArrayRef(image_).slice(1); }

  bool masked_;
  std::vector<std::int64_t> image_;  ///< C, H, W, or C, D, H, W
  std::int64_t pixels_;              ///< of a channel
  torch::Tensor values_;
};

/// Total variation: the sum of |differences| of neighbours along each axis.
torch::Tensor variation(const torch::Tensor& mask) {
  torch::Tensor all;
  for (std::int64_t axis = 0; axis < mask.dim(); ++axis) {
    const auto n = mask.size(axis);
    const auto along = (mask.narrow(axis, 1, n - 1) - mask.narrow(axis, 0, n - 1)).abs().sum();
    all = all.defined() ? all + along : along;
  }
  return all;
}

/// The images of one step after another, without end: all, or so many, drawn without repetition in a step.
class Draws {
 public:
  Draws(const torch::Tensor& images, std::int64_t batch_size, const base::StreamKey& key)
      : images_(images), size_(batch_size), order_(static_cast<std::size_t>(images.size(0))), stream_(key) {
    std::iota(order_.begin(), order_.end(), std::int64_t{0});
  }
  torch::Tensor next() {
    if (size_ == 0 || size_ >= images_.size(0)) return images_;
    base::shuffle(order_, stream_);
    const auto rows =
        torch::tensor(at::ArrayRef<std::int64_t>(order_.data(), static_cast<std::size_t>(size_)));
    return images_.index_select(0, rows.to(images_.device()));
  }

 private:
  torch::Tensor images_;
  std::int64_t size_;
  std::vector<std::int64_t> order_;
  base::Stream stream_;
};

/// A pattern, and how it does on all images of other labels where the replica stands.
struct Found {
  UniversalTrigger pattern;
  std::int64_t label = 0;
  double success = 0;  ///< part of the images that it turns into its label
  double size = 0;     ///< mean |x' - x| over pixels
  double loss = 0;     ///< cross entropy of its label on these images
};

/// Searches where the replica stands.
class Search {
 public:
  Search(engine::Workspace& workspace, const engine::Batch& batch, const DifferenceJob& job)
      : workspace_(workspace), batch_(batch), job_(job) {}

  /// Nothing: all images have that label.
  std::optional<Found> operator()(std::int64_t label, std::int64_t restart) {
    const auto images = others(label);
    if (images.size(0) == 0) return std::nullopt;
    ++searched_;
    auto key = job_.key;
    key.purpose = base::purpose("calibrate.difference") + (static_cast<std::uint64_t>(label) << 32) +
                  static_cast<std::uint64_t>(restart);
    const bool masked = job_.form == config::PatternForm::mask ||
                        (job_.form == config::PatternForm::both && restart % 2 == 0);
    base::Stream noise(key);
    const Variables start(images, masked, restart > 0 ? &noise : nullptr);
    ++key.round;
    Draws draws(images, job_.batch_size, key);
    auto values = start.values();
    engine::Adam adam(values, job_.lr);
    for (std::int64_t step = 0; step < job_.steps; ++step) {
      const auto at = values.detach().clone().set_requires_grad(true);
      const auto loss = objective(draws.next(), start.pattern(at), masked, label).loss;
      adam.step(values, torch::autograd::grad({loss}, {at}).front());
    }
    torch::NoGradGuard no_grad;
    Found found{start.pattern(values), label};
    const auto last = objective(images, found.pattern, masked, label);
    found.success = last.turned.item<double>();
    found.loss = last.loss.item<double>() - last.cost.item<double>();
    found.size = (with_universal_trigger(images, found.pattern) - images).abs().mean().item<double>();
    return found;
  }

  /// How the pattern does where the replica stands now.
  Found look(Found found) {
    torch::NoGradGuard no_grad;
    const auto here = objective(others(found.label), found.pattern, true, found.label);
    found.success = here.turned.item<double>();
    found.loss = here.loss.item<double>() - here.cost.item<double>();
    return found;
  }

  /// By how much a pattern raises each penultimate unit, on the mean over images of other labels: [F].
  torch::Tensor raised(const Found& found) {
    torch::NoGradGuard no_grad;
    const auto images = others(found.label);
    samples_ += 2 * images.size(0);
    auto& net = workspace_.net();
    return (net.features(with_universal_trigger(images, found.pattern)) - net.features(images))
        .to(torch::kFloat64)
        .mean(0);
  }

  std::int64_t samples() const { return samples_; }
  double searched() const { return static_cast<double>(searched_); }

 private:
  struct Objective {
    torch::Tensor loss, cost, turned;  ///< cost: the part of the loss that is the pattern's own
  };

  torch::Tensor others(std::int64_t label) const {
    return batch_.images.index_select(0, engine::rows_without(batch_.labels, label));
  }

  Objective objective(const torch::Tensor& images, const UniversalTrigger& pattern, bool masked,
                      std::int64_t label) {
    samples_ += images.size(0);
    const auto logits = workspace_.net().forward(with_universal_trigger(images, pattern));
    const bool sets = engine::multi_label(batch_.labels);
    const auto cost = masked ? pattern.mask.sum() * job_.sparsity + variation(pattern.mask) * job_.smoothness
                             : pattern.added.square().mean() * job_.energy;
    return {engine::loss_of_answering(logits, label, sets) + cost, cost.detach(),
            engine::answered_with(logits.detach(), label, sets).to(torch::kFloat32).mean()};
  }

  engine::Workspace& workspace_;
  const engine::Batch& batch_;
  const DifferenceJob& job_;
  std::int64_t samples_ = 0, searched_ = 0;
};

void check(const DifferenceJob& job) {
  if (!job.before || !job.erased)
    throw std::invalid_argument("the inputs are the models before and after the erasure");
  if (job.labels < 1 || job.candidates < 1 || job.restarts < 1 || job.steps < 1 || job.first < 0)
    throw std::invalid_argument(
        "labels, candidates, restarts and steps are 1 or more, the first restart 0 or more");
}

/// The mask without the units that are raised most.
void prune(engine::Workspace& workspace, const torch::Tensor& raised, double share, job::JobResult& result) {
  const auto head = model::head_range(workspace.net(), *workspace.layout());
  const auto order = raised.argsort(0, /*descending=*/true);
  const auto wanted = std::max<std::int64_t>(1, std::llround(share * static_cast<double>(head.features)));
  const auto rising = raised.gt(0).sum().item<std::int64_t>();
  const auto units = order.narrow(0, 0, std::min({wanted, head.features - 1, rising}));
  auto mask = torch::ones_like(workspace.parameters()).detach();
  mask.narrow(0, head.offset, head.classes * head.features)
      .view({head.classes, head.features})
      .index_fill_(1, units, 0);
  result.outputs = {workspace.wrap(mask, torch::zeros_like(workspace.buffers()))};
  result.figures["pruned"] = static_cast<double>(units.size(0));
}

bool works(const Found& f) { return f.success >= works_from; }

const Found* best_of(const std::vector<Found>& found) {
  const auto best = std::max_element(found.begin(), found.end(),
                                     [](const Found& a, const Found& b) { return a.success < b.success; });
  return best == found.end() ? nullptr : &*best;
}

void search_all(Search& search, std::int64_t label, std::int64_t from, std::int64_t until,
                std::vector<Found>& found) {
  for (auto restart = from; restart < until; ++restart)
    if (auto one = search(label, restart)) found.push_back(std::move(*one));
}

/// The patterns of the labels that fell most; none where the fall is spread.
std::vector<Found> patterns_of_the_fallen(Search& search, const std::vector<Fall>& fallen,
                                          const DifferenceJob& job) {
  std::vector<Found> found;
  const auto labels = fallen_most(fallen);
  for (std::int64_t i = 0; labels <= job.labels && i < labels; ++i)
    search_all(search, fallen[static_cast<std::size_t>(i)].label, job.first, job.first + job.restarts, found);
  return found;
}

/// Of several labels the patterns of the one whose first pattern the erasure took most from; of all labels their first
/// ones where it took nothing from any that works. The replica is the model before, here and in the end.
std::vector<Found> patterns_of_the_taken(engine::Workspace& workspace, Search& search,
                                         const std::vector<Fall>& fallen, const DifferenceJob& job,
                                         job::JobResult& result) {
  std::vector<Found> firsts;
  const auto labels = std::min(job.candidates, static_cast<std::int64_t>(fallen.size()));
  for (std::int64_t i = 0; i < labels; ++i)
    search_all(search, fallen[static_cast<std::size_t>(i)].label, job.first, job.first + 1, firsts);
  workspace.load(*job.erased);
  std::vector<std::pair<double, const Found*>> taken;
  for (const auto& first : firsts)
    if (works(first)) taken.emplace_back(search.look(first).loss - first.loss, &first);
  workspace.load(*job.before);
  std::stable_sort(taken.begin(), taken.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (taken.size() > 1) result.figures["next_taken"] = taken[1].first;
  if (!taken.empty()) result.figures["taken"] = taken.front().first;
  if (taken.empty() || taken.front().first <= 0) return firsts;
  std::vector<Found> found{*taken.front().second};
  const auto label = found.front().label;
  search_all(search, label, job.first + 1, job.first + job.restarts, found);
  return found;
}

}  // namespace

job::JobResult run(engine::Workspace& workspace, const DifferenceJob& job) {
  check(job);
  const auto batch = search_images(workspace, job.environments);
  workspace.net().train(false);
  const auto fallen = falls(workspace, batch.images, job);
  job::JobResult result;
  auto& f = result.figures;
  Search search(workspace, batch, job);
  const bool several = job.candidates > 1;
  const auto candidates = several ? patterns_of_the_taken(workspace, search, fallen, job, result)
                                  : patterns_of_the_fallen(search, fallen, job);
  const bool none_taken = several && (!f.count("taken") || f.at("taken") <= 0);
  const auto label =
      several && !none_taken && !candidates.empty() ? candidates.front().label : fallen.front().label;
  const auto fall =
      std::find_if(fallen.begin(), fallen.end(), [&](const Fall& x) { return x.label == label; });
  f["label"] = static_cast<double>(label);
  f["drop"] = fall->by;
  if (fall + 1 != fallen.end()) f["next_drop"] = (fall + 1)->by;
  f["labels"] = static_cast<double>(fallen_most(fallen));
  f["searched"] = search.searched();

  torch::Tensor raised;
  std::int64_t found = 0;
  for (const auto& c : candidates) {
    if (!works(c) || none_taken) continue;
    ++found;
    const auto numbers = to_numbers(c.pattern);
    result.numbers.insert(result.numbers.end(), numbers.begin(), numbers.end());
    if (job.prune > 0) raised = raised.defined() ? raised + search.raised(c) : search.raised(c);
  }
  f["found"] = static_cast<double>(found);
  if (raised.defined()) prune(workspace, raised, job.prune, result);
  if (const auto* best = best_of(candidates)) {
    f["success"] = best->success;
    f["size"] = best->size;
    workspace.load(*job.erased);
    f["erased_success"] = search.look(*best).success;
  }
  result.samples = 2 * batch.images.size(0) + search.samples();
  return result;
}

}  // namespace afu::calibrate
