#include "engine/fused/plan.hpp"

#include <algorithm>
#include <stdexcept>

namespace afu::engine::fused {
namespace {

using Kind = model::Layer::Kind;

/// Appends a field of kLanes-wide values to an arena. `rows` and `columns`: the whole with its margin, of
/// which the image begins at (margin, margin) and takes every `spread`-th row and column.
Field allocate(std::int64_t& arena, std::int64_t channels, std::int64_t height, std::int64_t width,
               std::int64_t rows, std::int64_t columns, std::int64_t margin, std::int64_t spread) {
  Field f;
  f.planes.channels = channels;
  f.planes.height = height;
  f.planes.width = width;
  f.planes.channel = rows * columns * device::cpu::kLanes;
  f.planes.row = spread * columns * device::cpu::kLanes;
  f.planes.column = spread * device::cpu::kLanes;
  f.offset = arena + margin * (columns + 1) * device::cpu::kLanes;
  arena += channels * f.planes.channel;
  return f;
}
Field allocate(std::int64_t& arena, std::int64_t channels, std::int64_t height, std::int64_t width,
               std::int64_t margin = 0) {
  return allocate(arena, channels, height, width, height + 2 * margin, width + 2 * margin, margin, 1);
}

class Planner {
 public:
  Planner(const std::vector<model::Layer>& layers, const model::Layout& layout)
      : layers_(layers), layout_(layout) {}

  Plan make(const model::InputShape& shape) {
    here_ = plan_.input =
        allocate(plan_.activations, shape.channels, shape.height, shape.width, margin_after(0));
    for (std::size_t i = 0; i < layers_.size(); ++i) add(i);
    if (!flat_ || !d_here_) throw std::invalid_argument("the last layer is not linear");
    plan_.logits = here_;
    plan_.d_logits = d_here_;
    return std::move(plan_);
  }

 private:
  /// The padding that the layer at i, ReLU apart, wants around its input.
  std::int64_t margin_after(std::size_t i) const {
    while (is(Kind::relu, i)) ++i;
    return is(Kind::convolution, i) ? layers_[i].padding : 0;
  }

  bool is(Kind kind, std::size_t i) const { return i < layers_.size() && layers_[i].kind == kind; }

  std::int64_t offset(const std::string& name) const { return model::slot_named(layout_, name).offset; }

  void add(std::size_t i) {
    const auto& l = layers_[i];
    Step s;
    s.kind = l.kind;
    s.in = here_;
    s.d_in = d_here_;
    const auto& p = here_.planes;
    switch (l.kind) {
      case Kind::convolution:
        convolution(l, margin_after(i + 1), s);
        break;
      case Kind::group_norm:
        s.norm.groups = l.groups;
        s.kept = plan_.activations;
        plan_.activations += 2 * l.groups * device::cpu::kLanes;
        plan_.scratch = std::max(plan_.scratch, 2 * p.channels * device::cpu::kLanes);
        if (is(Kind::max_pool, i + 1)) {
          s.norm.pool = layers_[i + 1].kernel;
          pooled(s, margin_after(i + 2));
        } else {
          made(s, p.channels, p.height, p.width, margin_after(i + 1));
        }
        break;
      case Kind::linear:
        if (!flat_) throw std::invalid_argument(l.name + " reads images");
        plan_.scratch = std::max(plan_.scratch, p.channels * device::cpu::kLanes);
        made(s, l.out, 1, 1, 0);
        break;
      case Kind::relu:
        if (i > 0 && is(Kind::max_pool, i - 1)) {
          plan_.steps.back().norm.then_relu = true;
          return;
        }
        s.out = s.in;
        s.d_out = s.d_in;
        break;
      case Kind::max_pool:
        if (i > 0 && is(Kind::group_norm, i - 1)) return;  // done with it
        s.norm.pool = l.kernel;
        pooled(s, margin_after(i + 1));
        break;
      case Kind::average_pool:
        made(s, p.channels, 1, 1, 0);
        flat_ = true;
        break;
      case Kind::flatten:
        flatten(s);
        break;
      case Kind::batch_norm:
        throw std::invalid_argument(l.name + " is a BatchNorm");
      case Kind::residual:
        throw std::invalid_argument("it has residual connections");
    }
    if (l.weight.defined()) s.weight = offset(l.name + ".weight");
    if (l.bias.defined()) s.bias = offset(l.name + ".bias");
    here_ = s.out;
    d_here_ = s.d_out;
    plan_.steps.push_back(s);
  }

  /// Gives the step an output, and its gradient where something up to here is trained.
  void made(Step& s, std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t margin) {
    s.out = allocate(plan_.activations, channels, height, width, margin);
    if (s.d_in || s.kind == Kind::linear || s.kind == Kind::group_norm)
      s.d_out = allocate(plan_.gradients, channels, height, width);
  }

  void pooled(Step& s, std::int64_t margin) {
    const auto& p = here_.planes;
    const auto height = p.height / s.norm.pool, width = p.width / s.norm.pool;
    s.most = allocate(plan_.activations, p.channels, height, width);
    s.place = allocate(plan_.activations, p.channels, height, width);
    made(s, p.channels, height, width, margin);
  }

  void convolution(const model::Layer& l, std::int64_t margin, Step& s) {
    if (l.padding >= l.kernel) throw std::invalid_argument(l.name + " is padded by more than its filter");
    const auto& p = here_.planes;
    const auto height = (p.height + 2 * l.padding - l.kernel) / l.stride + 1;
    const auto width = (p.width + 2 * l.padding - l.kernel) / l.stride + 1;
    s.filter = {p.channels, l.out, l.kernel, l.stride};
    s.out = allocate(plan_.activations, l.out, height, width, margin);
    s.seen = s.in.moved(-l.padding, -l.padding);
    s.packed = plan_.packed;
    plan_.packed += device::cpu::round_up(s.filter.size(), device::cpu::kLanes);
    plan_.scratch = std::max({plan_.scratch, s.filter.size() * device::cpu::kLanes,
                              device::cpu::few_scratch(s.filter, height, width, device::cpu::kLanes - 1)});
    if (!s.d_in) {
      s.d_out = allocate(plan_.gradients, l.out, height, width);
      return;
    }
    // Back: a convolution of stride 1 over the gradient, whose values stand as far apart as the stride was.
    const auto lead = l.kernel - 1 - l.padding;
    s.reversed = {l.out, p.channels, l.kernel, 1};
    plan_.scratch = std::max(
        plan_.scratch, device::cpu::few_scratch(s.reversed, p.height, p.width, device::cpu::kLanes - 1));
    s.d_out = allocate(plan_.gradients, l.out, height, width, p.height + l.kernel - 1, p.width + l.kernel - 1,
                       lead, l.stride);
    s.d_seen = s.d_out;
    s.d_seen.planes.row /= l.stride;
    s.d_seen.planes.column = device::cpu::kLanes;
    s.d_seen = s.d_seen.moved(-lead, -lead);
    s.packed_reversed = plan_.packed;
    plan_.packed += device::cpu::round_up(s.filter.size(), device::cpu::kLanes);
  }

  /// The same values as one column. Their gradient needs a place of its own where the layer before keeps its
  /// gradient inside a margin.
  void flatten(Step& s) {
    const auto& p = here_.planes;
    const auto features = p.channels * p.height * p.width;
    const auto column = [&](Field f) {
      f.planes = {nullptr, features, 1, 1, device::cpu::kLanes, device::cpu::kLanes, device::cpu::kLanes};
      return f;
    };
    s.out = column(s.in);
    if (s.d_in) s.d_out = s.d_in.dense() ? column(s.d_in) : allocate(plan_.gradients, features, 1, 1);
    flat_ = true;
  }

  const std::vector<model::Layer>& layers_;
  const model::Layout& layout_;
  Plan plan_;
  Field here_, d_here_;  ///< what the next layer reads
  bool flat_ = false;
};

}  // namespace

Field Field::moved(std::int64_t rows, std::int64_t columns) const {
  auto f = *this;
  f.offset += rows * planes.row + columns * planes.column;
  return f;
}

bool Field::dense() const {
  return planes.column == device::cpu::kLanes && planes.row == planes.width * device::cpu::kLanes &&
         planes.channel == planes.height * planes.row;
}

Plan make_plan(const std::vector<model::Layer>& layers, const model::InputShape& shape,
               const model::Layout& layout) {
  if (shape.volumes()) throw std::invalid_argument("volumes have no kernels");
  return Planner(layers, layout).make(shape);
}

}  // namespace afu::engine::fused
