#include "calibrate/layer_gains.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "calibrate/calibration_loss.hpp"
#include "calibrate/jobs.hpp"
#include "engine/workspace.hpp"

namespace afu::calibrate {
namespace {

struct Layer {
  std::string name;
  std::int64_t offset = 0, size = 0;
};

/// Neighbouring parameters of one module: "conv1.weight" and "conv1.bias" are layer "conv1".
std::vector<Layer> layers_of(const model::Layout& layout) {
  std::vector<Layer> layers;
  for (const auto& slot : layout.parameters) {
    const auto name = slot.name.substr(0, slot.name.rfind('.'));
    if (layers.empty() || layers.back().name != name)
      layers.push_back({name, slot.offset, slot.size});
    else
      layers.back().size += slot.size;
  }
  return layers;
}

torch::Tensor subtracted(const torch::Tensor& s, const std::vector<Layer>& layers,
                         const std::vector<double>& gains) {
  auto delta = torch::empty_like(s);
  for (std::size_t l = 0; l < layers.size(); ++l)
    delta.narrow(0, layers[l].offset, layers[l].size)
        .copy_(s.narrow(0, layers[l].offset, layers[l].size) * -gains[l]);
  return delta;
}

}  // namespace

std::vector<double> project_gains(const std::vector<double>& wanted, const std::vector<double>& a,
                                  double mean, double low, double high) {
  double total = 0, least = 0, most = 0;
  for (std::size_t l = 0; l < wanted.size(); ++l) {
    total += a[l];
    if (a[l] == 0) continue;
    least = std::min(least, wanted[l] - high);
    most = std::max(most, wanted[l] - low);
  }
  const auto shifted = [&](double shift) {
    std::vector<double> c(wanted.size(), mean);
    for (std::size_t l = 0; l < wanted.size(); ++l)
      if (a[l] > 0) c[l] = std::clamp(wanted[l] - shift, low, high);
    return c;
  };
  // The weighted sum falls as the shift grows: bisection finds the one that gives the mean.
  for (int i = 0; i < 200; ++i) {
    const double middle = (least + most) / 2;
    const auto c = shifted(middle);
    double sum = 0;
    for (std::size_t l = 0; l < c.size(); ++l) sum += a[l] * c[l];
    (sum > mean * total ? least : most) = middle;
  }
  return shifted(most);
}

job::JobResult run(engine::Workspace& workspace, const LayerGainsJob& job) {
  if (!job.model || !job.influence)
    throw std::invalid_argument("the inputs are the model and the ledger's entry");
  const double gain = job.gain, spread = job.spread;
  Objective objective;
  objective.beta = job.beta;

  const auto w = job.model->values.to(workspace.device());
  const auto s = job.influence->values.to(workspace.device());
  const auto layers = layers_of(*workspace.layout());
  std::vector<double> square;
  for (const auto& l : layers)
    square.push_back(s.narrow(0, l.offset, l.size).square().sum(torch::kFloat64).item<double>());

  workspace.net().train(false);
  CalibrationLoss loss(workspace, job.environments, objective, base::StreamKey{}, {});
  loss.set_before(*job.model);
  job::JobResult result;
  std::vector<double> gains(layers.size(), gain), best = gains;
  double best_loss = 0;
  for (std::int64_t step = 0; step <= job.steps; ++step) {
    {
      torch::NoGradGuard no_grad;
      workspace.parameters().copy_(w + subtracted(s, layers, gains));
    }
    const double here = loss.at(0, true).total.item<double>();
    if (step == 0) result.figures["loss_uniform"] = here;
    if (step == 0 || here < best_loss) best_loss = here, best = gains;
    if (step == job.steps) break;
    // dL/dc_l = -(g_l . S_l); in the metric of the projection divided by |S_l|^2.
    std::vector<double> slope(layers.size(), 0.0);
    double steepest = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      if (square[l] == 0) continue;
      const auto along = workspace.gradients().narrow(0, layers[l].offset, layers[l].size) *
                         s.narrow(0, layers[l].offset, layers[l].size);
      slope[l] = -along.sum(torch::kFloat64).item<double>() / square[l];
      steepest = std::max(steepest, std::abs(slope[l]));
    }
    if (steepest == 0) break;
    const double stride = 0.5 * gain * spread / std::sqrt(1.0 + static_cast<double>(step)) / steepest;
    auto wanted = gains;
    for (std::size_t l = 0; l < layers.size(); ++l) wanted[l] -= stride * slope[l];
    gains = project_gains(wanted, square, gain, gain * (1 - spread), gain * (1 + spread));
  }
  torch::NoGradGuard no_grad;
  result.outputs = {workspace.wrap(subtracted(s, layers, best), torch::zeros_like(workspace.buffers()))};
  result.figures["loss"] = best_loss;
  result.numbers = best;
  result.samples = loss.passes();
  return result;
}

}  // namespace afu::calibrate
