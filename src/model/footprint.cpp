#include "model/footprint.hpp"
#include "config/sections/model.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include <algorithm>

namespace afu::model {
namespace {

struct Tally {
  double multiply_adds = 0;
  std::int64_t activation_elements = 0;
};
thread_local Tally* tally = nullptr;

/// Length of the inner products an operator forms, 0 where it forms none.
double inner_length(const std::string& name, const std::vector<c10::IValue>& inputs) {
  const auto last = [&](std::size_t i) { return static_cast<double>(inputs.at(i).toTensor().size(-1)); };
  if (name == "aten::linear" || name == "aten::addmm" || name == "aten::baddbmm") return last(1);
  if (name == "aten::matmul" || name == "aten::mm" || name == "aten::bmm") return last(0);
  if (name.rfind("aten::conv", 0) == 0 || name == "aten::_convolution") {  // input, weight, ...
    const auto weight = inputs.at(1).toTensor();
    return static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0));
  }
  return 0;
}

// LibTorch's dispatcher lets a mode see every operator the network calls, with its arguments. (RecordFunction
// would too, but in builds without NDEBUG its header disagrees with the library about whether arguments may
// be read.)
constexpr auto kMode = c10::DispatchKey::TESTING_ONLY_GenericMode;

/// Runs the operator and adds what it cost. Operators that it calls in turn are not seen.
void observe(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto arguments = op.schema().arguments().size(), results = op.schema().returns().size();
  const std::vector<c10::IValue> inputs(stack->end() - static_cast<std::ptrdiff_t>(arguments), stack->end());
  {
    c10::impl::ExcludeDispatchKeyGuard beneath(kMode);
    op.callBoxed(stack);
  }
  if (tally == nullptr) return;
  const auto aliases = [&](const torch::Tensor& t) {  // a view, or the result of an in-place operator
    return std::any_of(inputs.begin(), inputs.end(), [&](const c10::IValue& v) {
      return v.isTensor() && v.toTensor().defined() && v.toTensor().is_alias_of(t);
    });
  };
  for (auto v = stack->end() - static_cast<std::ptrdiff_t>(results); v != stack->end(); ++v) {
    if (!v->isTensor() || !v->toTensor().defined()) continue;
    const auto t = v->toTensor();
    tally->multiply_adds += inner_length(op.schema().name(), inputs) * static_cast<double>(t.numel());
    if (!aliases(t)) tally->activation_elements += t.numel();
  }
}

TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericMode, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&observe>());
}

Tally dry_run(Model& model, const InputShape& s) {
  torch::NoGradGuard no_grad;
  const auto input = torch::zeros(s.batch(1));
  model.train(false);
  Tally result;
  result.activation_elements = input.numel();
  tally = &result;
  try {
    c10::impl::IncludeDispatchKeyGuard mode(kMode);
    model.forward(input);
  } catch (...) {
    tally = nullptr;
    throw;
  }
  tally = nullptr;
  return result;
}

}  // namespace

std::int64_t bytes_per_lane(const config::ModelSection& section, const InputShape& shape, std::int64_t batch,
                            bool recorded) {
  constexpr std::int64_t kScratch = std::int64_t{64} << 20;
  const std::int64_t vectors_held = recorded ? 9 : 5, passes = recorded ? 2 : 1;
  const auto model = make_model(section, shape);
  const auto layout = make_layout(*model);
  const auto activations = passes * 2 * batch * dry_run(*model, shape).activation_elements;
  const auto vectors = vectors_held * (layout->parameter_count + layout->buffer_count);
  return kScratch + static_cast<std::int64_t>(sizeof(float)) * (activations + vectors);
}

double flops_per_sample(const config::ModelSection& section, const InputShape& shape) {
  const auto model = make_model(section, shape);
  return 3 * 2 * dry_run(*model, shape).multiply_adds;
}

}  // namespace afu::model
