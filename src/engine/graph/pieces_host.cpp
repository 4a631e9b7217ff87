#include <algorithm>
#include <cmath>

#include "base/elementary.hpp"
#include "engine/graph/pieces.hpp"

namespace afu::engine::graph {
namespace {

void gather(const Gather& g, void*) {
  for (std::int64_t i = 0; i < g.count; ++i) {
    const auto row = g.order[*g.cursor + i];
    g.chosen[i] = g.labels[row];
    std::transform(g.pixels + row * g.size, g.pixels + (row + 1) * g.size, g.images + i * g.size,
                   [](std::uint8_t v) { return std::fma(static_cast<float>(v), 2.0f / 255, -1.0f); });
  }
}

void activate(const Activation& a, const float* x, const float* bias, float* out, std::uint8_t* where,
              void*) {
  const auto k = a.pool;
  for (std::int64_t plane = 0; plane < a.planes(); ++plane, x += a.height * a.width)
    for (std::int64_t i = 0; i < a.out_height(); ++i)
      for (std::int64_t j = 0; j < a.out_width(); ++j, ++out) {
        std::int64_t best = 0;
        float largest = x[i * k * a.width + j * k];
        for (std::int64_t at = 1; at < k * k; ++at) {
          const float v = x[(i * k + at / k) * a.width + j * k + at % k];
          if (v > largest || std::isnan(v)) largest = v, best = at;
        }
        if (bias) largest += bias[plane % a.channels];
        *out = a.relu && largest < 0 ? 0.0f : largest;
        if (k > 1) *where++ = static_cast<std::uint8_t>(best);
      }
}

void deactivate(const Activation& a, const float* out, const std::uint8_t* where, const float* gradient,
                float* dx, float* sums, void*) {
  const auto k = a.pool;
  std::fill_n(dx, a.planes() * a.height * a.width, 0.0f);
  for (std::int64_t plane = 0; plane < a.planes(); ++plane, dx += a.height * a.width) {
    float sum = 0;
    for (std::int64_t i = 0; i < a.out_height(); ++i)
      for (std::int64_t j = 0; j < a.out_width(); ++j, ++out, ++gradient) {
        const std::int64_t at = k > 1 ? *where++ : 0;
        const float g = a.relu && *out <= 0 ? 0.0f : *gradient;
        dx[(i * k + at / k) * a.width + j * k + at % k] = g;
        sum += g;
      }
    if (sums) *sums++ = sum;
  }
}

void cross_entropy(const CrossEntropy& c, void*) {
  const float scale = (c.factor ? *c.factor : 1.0f) / static_cast<float>(c.rows);
  for (std::int64_t r = 0; r < c.rows; ++r) {
    const float* x = c.logits + r * c.classes;
    float* g = c.gradient + r * c.classes;
    const float largest = *std::max_element(x, x + c.classes);
    float sum = 0;
    for (std::int64_t i = 0; i < c.classes; ++i) sum += g[i] = base::exp(x[i] - largest);
    for (std::int64_t i = 0; i < c.classes; ++i)
      g[i] = (g[i] / sum - (i == c.labels[r] ? 1.0f : 0.0f)) * scale;
    *c.loss += base::log(sum) + largest - x[c.labels[r]];
  }
  *c.cursor += c.rows;
}

void weighted_sum(const Terms& t, std::int64_t size, float* out, void*) {
  for (std::int64_t i = 0; i < size; ++i) {
    float sum = t.add ? out[i] : 0.0f;
    for (int k = 0; k < t.count; ++k) sum += t.coefficient[k] * t.vector[k][i];
    out[i] = sum;
  }
}

}  // namespace

const Pieces& host_pieces() {
  static const Pieces pieces{
      []() -> void* { return nullptr; }, gather, activate, deactivate, cross_entropy, weighted_sum};
  return pieces;
}

#ifndef AFU_CUDA_PIECES
const Pieces* cuda_pieces() { return nullptr; }
#endif

}  // namespace afu::engine::graph
