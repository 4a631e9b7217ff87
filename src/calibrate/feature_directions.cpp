#include "calibrate/feature_directions.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "calibrate/erasure_subspace.hpp"
#include "calibrate/jobs.hpp"
#include "calibrate/perturbations.hpp"
#include "calibrate/search_images.hpp"
#include "engine/workspace.hpp"

namespace afu::calibrate {

std::vector<double> to_numbers(const FeatureDirections& directions) {
  const auto flat = directions.basis.to(torch::kCPU, torch::kFloat64).contiguous();
  std::vector<double> numbers{static_cast<double>(flat.size(0)), directions.scale};
  numbers.insert(numbers.end(), flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
  return numbers;
}

FeatureDirections directions_of(const std::vector<double>& numbers, const torch::Tensor& images) {
  const auto given = static_cast<std::int64_t>(numbers.size());
  const auto rank = given > 2 ? static_cast<std::int64_t>(numbers.front()) : 0;
  if (rank < 1 || (given - 2) % rank != 0)
    throw std::invalid_argument(fmt::format("{} numbers are no directions of features", given));
  const auto rows = torch::tensor(at::ArrayRef<double>(numbers).slice(2), torch::kFloat64);
  return {rows.view({rank, -1}).to(images.device(), images.scalar_type()), numbers.at(1)};
}

job::JobResult run(engine::Workspace& workspace, const FeatureDirectionsJob& job) {
  if (!job.before || !job.erased)
    throw std::invalid_argument("the inputs are the models before and after the erasure");
  if (job.rank < 1) throw std::invalid_argument("the rank is 1 or more");
  torch::NoGradGuard no_grad;
  const auto images = search_images(workspace, job.environments).images;
  base::Stream stream(job.key);
  const auto inputs = torch::cat({images, mixtures(images, stream)});
  workspace.net().train(false);
  workspace.load(*job.before);
  const auto before = workspace.net().features(inputs);
  workspace.load(*job.erased);
  const auto moved = before - workspace.net().features(inputs);

  job::JobResult result;
  auto& f = result.figures;
  result.samples = 2 * inputs.size(0);
  f["directions"] = 0;
  const double all = moved.square().sum().item<double>();
  if (all == 0) return result;
  FeatureDirections found;
  found.basis = leading_directions(moved, job.rank);
  const double along = moved.matmul(found.basis.t()).square().sum().item<double>();
  found.scale = along / static_cast<double>(inputs.size(0));
  f["directions"] = static_cast<double>(found.basis.size(0));
  f["share"] = along / all;
  result.numbers = to_numbers(found);
  return result;
}

}  // namespace afu::calibrate
