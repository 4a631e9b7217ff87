#include "engine/workspace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "device/stream.hpp"
#include "engine/fused/program.hpp"
#include "engine/graph/step.hpp"
#include "engine/step_engine.hpp"
#include "model/autocast.hpp"

namespace afu::engine {
namespace {

/// What pixel value v becomes: (v/255 - 0.5)/0.5.
std::array<float, 256> normalisation_table() {
  std::array<float, 256> table{};
  for (std::size_t v = 0; v < table.size(); ++v) table[v] = (static_cast<float>(v) / 255.0f - 0.5f) / 0.5f;
  return table;
}

/// Sets of labels [N] as [N, L] uint8.
torch::Tensor as_zeros_and_ones(const torch::Tensor& sets, std::int64_t count) {
  auto labels = torch::empty({sets.size(0), count}, torch::kUInt8);
  const auto* from = sets.data_ptr<std::int64_t>();
  auto* to = labels.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < sets.size(0); ++i)
    for (std::int64_t l = 0; l < count; ++l) *to++ = data::has_label(from[i], l) ? 1 : 0;
  return labels;
}

void check_size(const torch::Tensor& t, std::int64_t expected, const char* what) {
  const std::int64_t n = t.defined() ? t.numel() : 0;
  if (n != expected)
    throw std::invalid_argument(
        fmt::format("the version has {} {}, this lane's model has {}", n, what, expected));
}

}  // namespace

std::shared_ptr<const ResidentPool> make_resident(std::shared_ptr<const data::Images> pool,
                                                  torch::Device device) {
  const auto n = pool->size();
  if (static_cast<std::int64_t>(pool->pixels.size()) != n * pool->image_bytes())
    throw std::invalid_argument(fmt::format("the pool has {} bytes of pixels for {} images of {}",
                                            pool->pixels.size(), n, pool->image_bytes()));
  const auto keep_alive = [pool](void*) {};
  auto shape = pool->dims();
  shape.insert(shape.begin(), n);
  // from_blob wants a mutable pointer; nobody writes to a resident pool.
  auto images =
      torch::from_blob(const_cast<std::uint8_t*>(pool->pixels.data()), shape, keep_alive, torch::kUInt8);
  auto labels =
      torch::from_blob(const_cast<std::int64_t*>(pool->labels.data()), {n}, keep_alive, torch::kInt64);
  if (pool->label_bits > 0) labels = as_zeros_and_ones(labels, pool->label_bits);
  return std::make_shared<ResidentPool>(ResidentPool{images.to(device), labels.to(device)});
}

torch::Tensor normalised(const torch::Tensor& pixels) {
  // -1 + 2/255 x: LibTorch converts and scales in the one kernel that adds.
  const auto minus_one = torch::full({}, -1.0f, torch::dtype(torch::kFloat32).device(pixels.device()));
  return at::add(minus_one, pixels, 2.0 / 255);
}

torch::Tensor on_device(const torch::Tensor& host, torch::Device device) {
  if (device.is_cpu()) return host;
  // From pinned memory, whose owner waits for the copy before it is used again.
  return host.pin_memory().to(device, /*non_blocking=*/true);
}

Workspace::Workspace(std::unique_ptr<model::Model> model, std::shared_ptr<const ResidentPool> pool,
                     torch::Device device, config::StepEngine step, config::Precision precision)
    : device_(device),
      model_(std::move(model)),
      pool_(std::move(pool)),
      layout_(model::make_layout(*model_)) {
  auto views = model::flatten_into_views(*model_, *layout_, device_);
  parameters_ = views.parameters;
  gradients_ = views.gradients;
  buffers_ = views.buffers;
  auto choice = choose_step(*model_, *layout_, device_, step, precision);
  if (precision == config::Precision::bf16) model_ = model::with_bf16(std::move(model_), device_);
  if (choice.plan) fused_ = std::make_unique<fused::Program>(std::move(*choice.plan));
  if (choice.recorded)
    graph_ = std::make_unique<graph::Step>(*this, graph::make_capturer(device_.str()),
                                           choice.by_hand ? graph::cuda_pieces() : nullptr);
}

Workspace::~Workspace() = default;

torch::Tensor Workspace::forward(const torch::Tensor& images) {
  torch::NoGradGuard no_grad;
  return fused_ ? fused_->forward(parameters_, images) : model_->forward(images);
}

void Workspace::load(const model::ParameterVector& v) {
  check_size(v.values, layout_->parameter_count, "parameters");
  check_size(v.buffers, layout_->buffer_count, "buffer values");
  torch::NoGradGuard no_grad;
  // Without waiting: the job that is being run holds the version until all is done.
  parameters_.copy_(v.values, /*non_blocking=*/true);
  if (layout_->buffer_count > 0) buffers_.copy_(v.buffers, /*non_blocking=*/true);
}

model::ParametersPtr Workspace::difference(const model::ParametersPtr& base) const {
  torch::NoGradGuard no_grad;
  if (!base) return wrap(parameters_.clone(), buffers_.clone());
  check_size(base->values, layout_->parameter_count, "parameters");
  return wrap(parameters_ - base->values.to(device_, /*non_blocking=*/true), buffers_.clone());
}

model::ParametersPtr Workspace::wrap(torch::Tensor values, torch::Tensor buffers) const {
  auto v = std::make_shared<model::ParameterVector>();
  v->layout = layout_;
  v->values = std::move(values);
  v->buffers = std::move(buffers);
  return v;
}

Batch Workspace::gather(const torch::Tensor& order, std::int64_t begin, std::int64_t count) const {
  return gather(order.narrow(0, begin, count));
}

Batch Workspace::gather(const torch::Tensor& rows) const {
  Batch batch;
  batch.labels = pool_->labels.index_select(0, rows);
  if (!device_.is_cpu()) {
    batch.images = normalised(pool_->images.index_select(0, rows));
    return batch;
  }
  // One pass: read a byte, write a float. A new tensor each time (the allocator has the last one's memory at
  // hand), so that a batch a caller keeps is never overwritten.
  static const auto table = normalisation_table();
  auto shape = pool_->images.sizes().vec();
  const auto count = shape[0] = rows.numel();
  batch.images = torch::empty(shape, torch::kFloat32);
  const std::int64_t image = count > 0 ? batch.images.numel() / count : 0;
  const auto* row = rows.data_ptr<std::int64_t>();
  const auto* pixels = pool_->images.data_ptr<std::uint8_t>();
  auto* out = batch.images.data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i, out += image) {
    const auto* in = pixels + row[i] * image;
    std::transform(in, in + image, out, [](std::uint8_t v) { return table[v]; });
  }
  return batch;
}

torch::Tensor Workspace::upload(const data::Indices& rows) const {
  const auto n = pool_->labels.size(0);
  for (auto r : rows)
    if (r < 0 || r >= n) throw std::out_of_range(fmt::format("sample {} is outside the pool of {}", r, n));
  return on_device(torch::tensor(at::ArrayRef<std::int64_t>(rows), torch::kInt64), device_);
}

void Workspace::wait() const { device::wait_for_queue(device_.str()); }

void Workspace::release_memory() {
  if (graph_) graph_->forget();
  momentum_ = torch::Tensor();
  graph::release_cached_memory();
}

torch::Tensor& Workspace::momentum() {
  if (!momentum_.defined()) momentum_ = torch::empty_like(parameters_);
  return momentum_.zero_();
}

}  // namespace afu::engine
