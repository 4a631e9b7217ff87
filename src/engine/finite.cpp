#include "engine/finite.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace afu::engine {
namespace {

bool finite_on_cpu(const torch::Tensor& t) {
  if (!t.defined() || t.numel() == 0) return true;
  if (t.scalar_type() == torch::kFloat32 && t.is_contiguous())
    return all_finite(t.data_ptr<float>(), t.numel());
  return at::isfinite(t).all().item<bool>();
}

/// [] float32: 0, or NaN where a value is not finite.
torch::Tensor zero_of(const torch::Tensor& t) { return (t * 0.0).sum().to(torch::kFloat32); }

}  // namespace

bool all_finite(const float* values, std::int64_t count) {
  // What is not finite makes every sum that it is in not finite: an addition a value, which reads as fast as
  // memory gives.
  constexpr std::int64_t kLanes = 32;
  std::array<float, kLanes> sums{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::int64_t k = 0; k < kLanes; ++k) sums[k] += values[i + k];
  for (; i < count; ++i) sums[0] += values[i];
  double total = 0;
  for (const float s : sums) total += s;
  if (std::isfinite(total)) return true;
  return std::all_of(values, values + count, [](float v) { return std::isfinite(v); });  // or it was large
}

FiniteCheck::FiniteCheck(const std::vector<model::ParametersPtr>& vectors) : finite_(vectors.size(), true) {
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> zeros;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const auto& v = vectors[i];
    if (!v || !v->values.defined()) continue;
    if (v->values.device().is_cpu()) {
      finite_[i] = finite_on_cpu(v->values) && finite_on_cpu(v->buffers);
      continue;
    }
    auto zero = zero_of(v->values);
    if (v->buffers.defined() && v->buffers.numel() > 0) zero += zero_of(v->buffers);
    zeros.push_back(std::move(zero));
    asked_.push_back(i);
  }
  if (zeros.empty()) return;
  zeros_ = torch::empty({static_cast<std::int64_t>(zeros.size())},
                        torch::dtype(torch::kFloat32).pinned_memory(true));
  zeros_.copy_(torch::stack(zeros), /*non_blocking=*/true);
}

bool FiniteCheck::finite(std::size_t vector) const {
  for (std::size_t k = 0; k < asked_.size(); ++k)
    if (asked_[k] == vector) return std::isfinite(zeros_.data_ptr<float>()[k]);
  return finite_.at(vector);
}

std::optional<std::size_t> FiniteCheck::first_not_finite() const {
  for (std::size_t i = 0; i < finite_.size(); ++i)
    if (!finite(i)) return i;
  return std::nullopt;
}

}  // namespace afu::engine
