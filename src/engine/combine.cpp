#include "engine/combine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "engine/combine_job.hpp"
#include "engine/finite.hpp"
#include "engine/graph/step.hpp"

namespace afu::engine {
namespace {

using Weighted = std::pair<double, torch::Tensor>;

/// On the device, flat float32, of the expected length.
torch::Tensor operand(const torch::Tensor& t, std::int64_t expected, torch::Device device, const char* what) {
  const std::int64_t n = t.defined() ? t.numel() : 0;
  if (n != expected)
    throw std::invalid_argument(fmt::format("{}: {} values where the model has {}", what, n, expected));
  return t.to(device, torch::kFloat32).contiguous();
}

/// out = or, but for the first, += the sum of c[k] * v[k], for `Terms` vectors in one pass; the same
/// additions in the same order as one vector after the other. Several streams at a time are what the memory
/// is fastest with. Returns a sum over what was written, which is not finite where a value is not.
template <std::size_t Terms, bool First>
float add_terms(float* __restrict out, const Weighted* terms, std::int64_t begin, std::int64_t end) {
  std::array<const float*, Terms> v;
  std::array<float, Terms> c;
  for (std::size_t k = 0; k < Terms; ++k) {
    v[k] = terms[k].second.data_ptr<float>();
    c[k] = static_cast<float>(terms[k].first);
  }
  const auto at = [&](std::int64_t i) {
    float sum = First ? c[0] * v[0][i] : out[i] + c[0] * v[0][i];
    for (std::size_t k = 1; k < Terms; ++k) sum += c[k] * v[k][i];
    return out[i] = sum;
  };
  constexpr std::int64_t kLanes = 16;  // partial sums, which the compiler vectorises
  std::array<float, kLanes> seen{};
  std::int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes)
    for (std::int64_t k = 0; k < kLanes; ++k) seen[k] += at(i + k);
  for (; i < end; ++i) seen[0] += at(i);
  float total = 0;
  for (const float s : seen) total += s;
  return total;
}

constexpr std::size_t kStreams = 4;
using AddTerms = float (*)(float* __restrict, const Weighted*, std::int64_t, std::int64_t);
constexpr std::array<AddTerms, kStreams> kSet{add_terms<1, true>, add_terms<2, true>, add_terms<3, true>,
                                              add_terms<4, true>};
constexpr std::array<AddTerms, kStreams> kAdd{add_terms<1, false>, add_terms<2, false>, add_terms<3, false>,
                                              add_terms<4, false>};

/// The weighted sum as a new tensor. On the CPU block by block, and with `pieces` in one kernel on a GPU, so
/// that every operand is read once and the result written once. `finite` becomes false where a sum on the CPU
/// is not, which costs no pass of its own.
torch::Tensor weighted_sum(const std::vector<Weighted>& terms, std::int64_t size, torch::Device device,
                           bool& finite, const graph::Pieces* pieces = nullptr) {
  const auto options = torch::dtype(torch::kFloat32).device(device);
  if (terms.empty()) return torch::zeros({size}, options);
  if (pieces) {
    auto sum = torch::empty({size}, options);
    graph::Terms some;
    for (const auto& [coefficient, v] : terms) {
      some.vector[some.count] = v.data_ptr<float>();
      some.coefficient[some.count++] = static_cast<float>(coefficient);
      if (some.count < graph::Terms::kMost && &v != &terms.back().second) continue;
      pieces->weighted_sum(some, size, sum.data_ptr<float>(), pieces->stream());
      some.count = 0;
      some.add = true;
    }
    return sum;
  }
  if (!device.is_cpu()) {
    const auto& [first, v] = terms.front();
    if (first == 1.0 && terms.size() > 1) {
      auto sum = torch::add(v, terms[1].second, terms[1].first);
      for (std::size_t i = 2; i < terms.size(); ++i) sum.add_(terms[i].second, terms[i].first);
      return sum;
    }
    auto sum = v * first;
    for (std::size_t i = 1; i < terms.size(); ++i) sum.add_(terms[i].second, terms[i].first);
    return sum;
  }
  constexpr std::int64_t kBlock = 2048;
  auto sum = torch::empty({size}, options);
  auto* out = sum.data_ptr<float>();
  for (std::int64_t begin = 0; begin < size; begin += kBlock) {
    const std::int64_t end = std::min(size, begin + kBlock);
    float seen = 0;
    for (std::size_t k = 0; k < terms.size(); k += kStreams) {
      const auto count = std::min(kStreams, terms.size() - k);
      seen = (k == 0 ? kSet : kAdd)[count - 1](out, &terms[k], begin, end);
    }
    if (!std::isfinite(seen)) finite = finite && all_finite(out + begin, end - begin);
  }
  return sum;
}

double inner_product(const torch::Tensor& a, const torch::Tensor& b) {
  return at::dot(a.to(torch::kFloat64), b.to(torch::kFloat64)).item<double>();
}

/// Appends what the term's guards take out of `v`, to which its single guard has been applied already.
void append_guarded(const Term& t, torch::Tensor v, std::vector<Weighted>& terms, job::JobResult* seen) {
  const double square = seen ? inner_product(v, v) : 0.0;
  const auto original = v;
  for (std::size_t i = 0; i < t.guards.size(); ++i) {
    const auto& guard = *t.guards[i];
    double removed = 0;
    for (const auto& direction : guard.basis) {
      if (!direction) throw std::invalid_argument("a direction of a guard is missing");
      const auto u = operand(direction->values, v.numel(), v.device(), "guard");
      const double along = guard_coefficient(v, u);
      if (along == 0) continue;
      terms.emplace_back(-t.coefficient * along, u);
      v = at::sub(v, u, along);
      if (seen) removed += along * along * inner_product(u, u);
    }
    if (!seen || !guard.erasure) continue;
    const auto e = operand(guard.erasure->values, v.numel(), v.device(), "erasure");
    const double lengths = std::sqrt(square * inner_product(e, e));
    const double cosine = lengths > 0 ? -inner_product(original, e) / lengths : 0.0;
    const auto add = [&](const char* name, double value) {
      seen->figures[fmt::format("{}.{}", name, i)] += value;
    };
    add("guarded", 1);
    add("cosine", cosine);
    add("cosine_square", cosine * cosine);
    add("removed", square > 0 ? removed / square : 0.0);
    add("projected", removed > 0 ? 1.0 : 0.0);
  }
}

/// The restoring force for what slips through a guard (src/calibrate/README.md, Guard).
void pull_back(torch::Tensor& w, const Pull& pull) {
  if (!pull.guard || !pull.towards) throw std::invalid_argument("a pull without a guard or a version");
  for (const auto& direction : pull.guard->basis) {
    const auto u = operand(direction->values, w.numel(), w.device(), "guard");
    const auto towards = operand(pull.towards->values, w.numel(), w.device(), "version to pull to");
    if (const double back = guard_coefficient(w - towards, u); back != 0) w.sub_(u, pull.strength * back);
  }
}

torch::Tensor combine_values(const Combination& c, std::int64_t size, torch::Device device,
                             const graph::Pieces* pieces, job::JobResult* seen, bool& finite) {
  std::vector<Weighted> terms;
  if (c.start && c.keep != 0) terms.emplace_back(c.keep, operand(c.start->values, size, device, "start"));
  for (const auto& t : c.terms) {
    if (!t.vector) throw std::invalid_argument("a term of a combination has no vector");
    const auto v = operand(t.vector->values, size, device, "term");
    terms.emplace_back(t.coefficient, v);
    auto rest = v;
    if (t.guard) {
      const auto g = operand(t.guard->values, size, device, "guard");
      if (const double along = guard_coefficient(v, g); along != 0) {
        terms.emplace_back(-t.coefficient * along, g);
        if (!t.guards.empty()) rest = at::sub(v, g, along);
      }
    }
    if (!t.guards.empty()) append_guarded(t, rest, terms, seen);
  }
  auto sum = weighted_sum(terms, size, device, finite, pieces);
  for (const auto& pull : c.pulls) pull_back(sum, pull);
  if (!c.pulls.empty() && device.is_cpu()) finite = finite && all_finite(sum.data_ptr<float>(), size);
  return sum;
}

/// In place (Combination::Transform). A model of vectors only stays as it is.
void feature_softmax(const torch::Tensor& values, const model::Layout& layout) {
  for (const auto& slot : layout.parameters) {
    if (slot.shape.size() < 2 || slot.size == 0) continue;
    auto w = values.narrow(0, slot.offset, slot.size).view({slot.shape.front(), -1});
    w.mul_(at::softmax(w.abs(), 0));
    return;
  }
}

/// In double precision: the vectors are long.
void append_cosines(const torch::Tensor& sum, const std::vector<model::ParametersPtr>& compared,
                    std::vector<double>& numbers) {
  if (compared.empty()) return;
  const auto direction = sum.to(torch::kFloat64);
  const double length = std::sqrt(at::dot(direction, direction).item<double>());
  for (const auto& p : compared) {
    if (!p) throw std::invalid_argument("a vector to compare a combination with is missing");
    const auto v = operand(p->values, sum.numel(), sum.device(), "compared vector").to(torch::kFloat64);
    const double lengths = length * std::sqrt(at::dot(v, v).item<double>());
    numbers.push_back(lengths > 0 ? at::dot(direction, v).item<double>() / lengths : 0.0);
  }
}

/// A vector without buffers (a ledger, an erasure) stays without them unless the rule says otherwise.
torch::Tensor combine_buffers(const Combination& c, std::int64_t size, torch::Device device, bool& finite) {
  const bool has_start = c.start && c.start->buffers.defined() && c.start->buffers.numel() > 0;
  if (c.buffers.empty()) {
    if (has_start) return operand(c.start->buffers, size, device, "buffers of start");
    return torch::empty({0}, torch::dtype(torch::kFloat32).device(device));
  }
  double rest = 1;
  std::vector<Weighted> terms;
  for (const auto& [weight, v] : c.buffers) {
    if (!v) throw std::invalid_argument("a buffer term of a combination has no vector");
    terms.emplace_back(weight, operand(v->buffers, size, device, "buffers"));
    rest -= weight;
  }
  if (has_start && rest != 0)
    terms.emplace(terms.begin(), rest, operand(c.start->buffers, size, device, "buffers of start"));
  return weighted_sum(terms, size, device, finite);
}

}  // namespace

double guard_coefficient(const torch::Tensor& v, const torch::Tensor& g) {
  const auto gd = g.to(torch::kFloat64);
  const double along = at::dot(gd, v.to(torch::kFloat64)).item<double>();
  return along < 0 ? along / at::dot(gd, gd).item<double>() : 0.0;
}

ParametersPtr combined(Workspace& workspace, const Combination& combination) {
  return run(workspace, CombineJob{{combination}}).outputs.front();
}

job::JobResult run(Workspace& workspace, const CombineJob& job) {
  torch::NoGradGuard no_grad;
  const auto& layout = *workspace.layout();
  job::JobResult result;
  result.looked_at = workspace.device().is_cpu();  // while it adds
  result.outputs.reserve(job.outputs.size());
  const auto* pieces = workspace.graph() ? workspace.graph()->pieces() : nullptr;
  for (const auto& c : job.outputs) {
    const bool first = &c == &job.outputs.front();
    bool finite = true;
    auto values = combine_values(c, layout.parameter_count, workspace.device(), pieces,
                                 first ? &result : nullptr, finite);
    if (c.transform == Combination::Transform::feature_softmax) feature_softmax(values, layout);
    append_cosines(values, c.compared, result.numbers);
    auto buffers = combine_buffers(c, layout.buffer_count, workspace.device(), finite);
    if (!finite && !result.not_finite) result.not_finite = result.outputs.size();
    result.outputs.push_back(workspace.wrap(std::move(values), std::move(buffers)));
  }
  return result;
}

}  // namespace afu::engine
