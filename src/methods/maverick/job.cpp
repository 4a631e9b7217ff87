#include "methods/maverick/job.hpp"

#include <vector>

#include "methods/required.hpp"
#include "methods/sgd_on_forget_set.hpp"

namespace afu::methods {
namespace {

torch::Tensor noise_like(const torch::Tensor& images, double sigma, base::Stream& stream) {
  auto noise = torch::empty(images.sizes(), torch::kFloat32);
  auto* p = noise.data_ptr<float>();
  for (std::int64_t i = 0; i < noise.numel(); ++i) p[i] = static_cast<float>(sigma * stream.normal());
  return noise.to(images.device());
}

}  // namespace

job::JobResult run(engine::Workspace& workspace, const MaverickJob& job) {
  const auto& base = required(job.training.base, "the base");
  const auto original = base->values.to(workspace.device());
  auto key = job.training.key;
  key.purpose = base::purpose("maverick.noise");
  base::Stream stream(key);
  std::int64_t passes = 0;
  const auto gradient = [&](const engine::Batch& batch, const torch::Tensor&) {
    const auto count = batch.images.size(0);
    std::vector<torch::Tensor> answers, distances;  // z_0(x + e), and |e| of each image
    {
      torch::NoGradGuard no_grad;
      const auto now = workspace.parameters().clone();
      workspace.parameters().copy_(original);
      for (std::int64_t k = 0; k < job.draws; ++k) {
        const double sigma = job.min_sigma + (job.max_sigma - job.min_sigma) * stream.uniform();
        const auto noise = noise_like(batch.images, sigma, stream);
        distances.push_back(noise.flatten(1).norm(2, 1));
        answers.push_back(workspace.net().forward(batch.images + noise));
      }
      workspace.parameters().copy_(now);
    }
    workspace.gradients().zero_();
    const auto logits = workspace.net().forward(batch.images);
    torch::Tensor sum;
    for (std::size_t k = 0; k < answers.size(); ++k) {
      const auto ratio = ((logits - answers[k]).norm(2, 1) / distances[k]).mean();
      sum = sum.defined() ? sum + ratio : ratio;
    }
    const auto loss = sum / static_cast<double>(job.draws);
    loss.backward();
    passes += count * job.draws;
    return loss.detach();
  };
  auto result = sgd_on_forget_set(workspace, job.training, gradient);
  result.samples += passes;
  return result;
}

}  // namespace afu::methods
