#include "methods/prune/job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

#include "engine/workspace.hpp"
#include "methods/prune/scores.hpp"
#include "methods/required.hpp"
#include "model/spatial.hpp"

namespace afu::methods {
namespace {

std::vector<model::Convolution> convolutions_of(engine::Workspace& workspace) {
  auto all = workspace.net().convolutions();
  if (all.empty()) throw std::invalid_argument("the model has no convolutions to prune");
  return all;
}

/// The part of `flat` that the parameter has.
torch::Tensor part(const torch::Tensor& flat, const model::Layout& layout, const std::string& name) {
  const auto& slot = model::slot_named(layout, name);
  return flat.narrow(0, slot.offset, slot.size).view(slot.shape);
}

/// Which channels of the convolution have a filter of zeros.
std::vector<bool> pruned_already(const torch::Tensor& values, const model::Layout& layout,
                                 const model::Convolution& c) {
  const auto used = part(values, layout, c.name + ".weight").flatten(1).ne(0).any(1).to(torch::kCPU);
  std::vector<bool> pruned(static_cast<std::size_t>(c.channels));
  for (std::size_t j = 0; j < pruned.size(); ++j)
    pruned[j] = !used[static_cast<std::int64_t>(j)].item<bool>();
  return pruned;
}

void prune_channel(torch::Tensor& mask, const model::Layout& layout, const model::Convolution& c,
                   std::int64_t channel) {
  for (const auto& name : c.own) part(mask, layout, name).select(0, channel).zero_();
  for (const auto& name : c.readers) {
    const auto weight = part(mask, layout, name);
    weight.view({weight.size(0), c.channels, -1}).select(1, channel).zero_();
  }
}

}  // namespace

job::JobResult run(engine::Workspace& workspace, const PruneStatisticsJob& job) {
  torch::NoGradGuard no_grad;
  const auto& model = required(job.model, "the model");
  if (!job.rows || job.rows->empty()) throw std::invalid_argument("there are no samples to look at");
  const auto batch_size = job.batch_size;
  if (batch_size < 1)
    throw std::invalid_argument(fmt::format("batch_size is {}, allowed is 1 or more", batch_size));
  std::map<std::string, std::int64_t> begins;
  std::int64_t channels = 0;
  for (const auto& c : convolutions_of(workspace))
    begins[c.name] = std::exchange(channels, channels + c.channels);
  const auto order = workspace.upload(*job.rows);
  workspace.load(*model);
  workspace.net().train(false);

  const auto options = torch::dtype(torch::kFloat64).device(workspace.device());
  torch::Tensor means, counts, sums;
  const model::Observer observe = [&](const std::string& name, const torch::Tensor& output) {
    const auto mean = model::spatial_mean(at::relu(output));
    means.narrow(1, begins.at(name), mean.size(1)).copy_(mean);
  };
  for (std::int64_t begin = 0; begin < order.size(0); begin += batch_size) {
    const auto batch = workspace.gather(order, begin, std::min(batch_size, order.size(0) - begin));
    means = torch::empty({batch.labels.size(0), channels}, options);
    const auto classes = workspace.net().forward_observed(batch.images, observe).size(1);
    const auto is_of = at::one_hot(batch.labels, classes).to(torch::kFloat64).t();  // [C, B]
    if (!sums.defined()) {
      counts = torch::zeros({classes}, options);
      sums = torch::zeros({classes, channels}, options);
    }
    counts.add_(is_of.sum(1));
    sums.add_(is_of.matmul(means));
  }
  const auto numbers = torch::cat({counts, sums.flatten()}).to(torch::kCPU);
  const auto* first = numbers.data_ptr<double>();
  job::JobResult result;
  result.numbers.assign(first, first + numbers.numel());
  result.samples = order.size(0);
  return result;
}

job::JobResult run(engine::Workspace& workspace, const PruneJob& job) {
  torch::NoGradGuard no_grad;
  const auto& model = required(job.model, "the model");
  const auto& layout = *workspace.layout();
  if (model->values.numel() != layout.parameter_count)
    throw std::invalid_argument("the input is of another model");
  const auto values = model->values.to(workspace.device());
  const auto convolutions = convolutions_of(workspace);
  std::vector<std::int64_t> widths, left;  // channels of each convolution, and those that are not pruned
  std::vector<std::pair<std::size_t, std::int64_t>> place;  // of a channel: convolution, position in it
  std::vector<std::size_t> candidates;
  auto mask = torch::ones_like(values);
  std::int64_t pruned = 0;
  for (std::size_t i = 0; i < convolutions.size(); ++i) {
    const auto& c = convolutions[i];
    const auto gone = pruned_already(values, layout, c);
    widths.push_back(c.channels);
    left.push_back(std::count(gone.begin(), gone.end(), false));
    for (std::int64_t j = 0; j < c.channels; ++j) {
      if (gone[static_cast<std::size_t>(j)]) {
        prune_channel(mask, layout, c, j);
        ++pruned;
      } else {
        candidates.push_back(place.size());
      }
      place.emplace_back(i, j);
    }
  }
  const auto scores = discrimination_scores(job.statistics, widths, job.label, job.form);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  auto wanted = std::max<std::int64_t>(1, std::llround(job.sparsity * static_cast<double>(place.size())));
  for (const auto k : candidates) {
    const auto [i, j] = place[k];
    if (wanted == 0 || scores[k] <= 0) break;
    if (left[i] == 1) continue;
    prune_channel(mask, layout, convolutions[i], j);
    --wanted, --left[i], ++pruned;
  }

  job::JobResult result;
  const auto buffers = model->buffers.to(workspace.device());
  result.outputs = {workspace.wrap(values * mask, buffers), workspace.wrap(mask, torch::zeros_like(buffers))};
  result.figures["pruned"] = static_cast<double>(pruned);
  return result;
}

}  // namespace afu::methods
