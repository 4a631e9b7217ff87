#include "methods/statistics_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "engine/combine.hpp"
#include "engine/workspace.hpp"
#include "methods/required.hpp"

namespace afu::methods {
namespace {

torch::Tensor part(const torch::Tensor& flat, const model::Slot& slot) {
  return flat.narrow(0, slot.offset, slot.size);
}
double largest(const torch::Tensor& t) { return t.abs().max().item<double>(); }

}  // namespace

/// A layer's momentum is the module's own business, and a TorchScript module does not tell it. But a moving
/// average b <- (1 - m) b + m s of the batch's statistic s, which does not depend on b, gives m s from b = 0,
/// and (1 - m) c + m s from b = c: of the two follow m, one for a whole buffer, and s.
job::JobResult run(engine::Workspace& workspace, const StatisticsJob& job) {
  required(job.model.start, "the model");
  data::Indices rows;
  for (const auto& set : job.samples)
    if (set) rows.insert(rows.end(), set->begin(), set->end());
  if (rows.empty()) throw std::invalid_argument("there are no samples to take statistics of");
  workspace.load(*engine::combined(workspace, job.model));
  job::JobResult result;
  auto& buffers = workspace.buffers();
  if (buffers.numel() > 0) {
    torch::NoGradGuard no_grad;
    const auto images = workspace.gather(workspace.upload(rows)).images;
    const auto pass = [&] {
      workspace.net().train(true);
      workspace.net().forward(images);
      workspace.net().train(false);
      result.samples += static_cast<std::int64_t>(rows.size());
    };
    const auto kept = buffers.clone();
    pass();
    std::vector<const model::Slot*> moved;
    for (const auto& slot : workspace.layout()->buffers)
      if (!at::equal(part(buffers, slot), part(kept, slot))) moved.push_back(&slot);

    const auto begin_at = [&](const std::vector<double>& values) {
      buffers.copy_(kept);
      for (std::size_t i = 0; i < moved.size(); ++i) part(buffers, *moved[i]).fill_(values[i]);
    };
    begin_at(std::vector<double>(moved.size(), 0.0));
    pass();
    const auto from_zero = buffers.clone();
    std::vector<double> high;  // of the size of what is averaged, so that no digits are lost
    for (const auto* slot : moved) high.push_back(std::max(1e-6, largest(part(from_zero, *slot))));
    begin_at(high);
    pass();
    const auto from_high = buffers.clone();

    buffers.copy_(kept);
    for (std::size_t i = 0; i < moved.size(); ++i) {
      const auto difference = part(from_high, *moved[i]) - part(from_zero, *moved[i]);
      const double rate = 1 - difference.mean(torch::kFloat64).item<double>() / high[i];
      if (rate > 0) part(buffers, *moved[i]).copy_(part(from_zero, *moved[i]) / rate);
    }
    const auto fresh = buffers.clone();
    pass();  // what has settled stays where it is
    for (const auto* slot : moved) {
      const double size = largest(part(fresh, *slot));
      if (const double off = largest(part(buffers, *slot) - part(fresh, *slot)); !(off <= 1e-3 * size + 1e-6))
        throw std::runtime_error(
            fmt::format("the buffer '{}' is changed by training and is no moving average of the batches' "
                        "statistics ({:g} away), so nothing of a client can be taken out of it",
                        slot->name, off));
    }
    buffers.copy_(fresh);
  }
  result.outputs = {workspace.difference(nullptr)};
  return result;
}

}  // namespace afu::methods
