#include "engine/graph/step.hpp"

#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "engine/sgd.hpp"
#include "engine/task_loss.hpp"

namespace afu::engine::graph {
namespace {

enum Strength { lr, momentum, decay, clip, prox, anchor, rest1, beta2, rest2, epsilon, kStrengths };

constexpr std::int64_t kFirstCapacity = 16384;
constexpr std::int64_t kLargeTensor = 1 << 16;

/// Calls f(steps) for the pieces of a run of steps, largest first.
template <class F>
void each_piece(std::int64_t run, F f) {
  for (auto piece = Step::kMostSteps; piece > 0; piece /= 2)
    for (; run >= piece; run -= piece) f(piece);
}

auto tied(const StepKind& k) {
  return std::tie(k.count, k.steps, k.momentum, k.decay, k.clip, k.prox, k.anchor, k.fisher, k.mask, k.adam,
                  k.decoupled);
}

/// The lane's own copy of a job's vector, always in the same place.
void keep(torch::Tensor& copy, const model::ParametersPtr& v, const torch::Tensor& like, const char* what) {
  if (v->values.numel() != like.numel())
    throw std::invalid_argument(
        fmt::format("the {} has {} values where the model has {}", what, v->values.numel(), like.numel()));
  if (!copy.defined()) copy = torch::empty_like(like);
  copy.copy_(v->values, /*non_blocking=*/true);
}

}  // namespace

bool operator==(const StepKind& a, const StepKind& b) { return tied(a) == tied(b); }

Step::Step(engine::Workspace& workspace, std::unique_ptr<Capturer> capturer, const Pieces* pieces)
    : workspace_(workspace), capturer_(std::move(capturer)), pieces_(pieces) {
  if (pieces && multi_label(workspace.pool().labels))
    throw std::invalid_argument(
        "compute.step \"kernels\" has no loss of several labels an image; allowed are auto, graph and autograd");
  if (pieces)
    pass_ = std::make_unique<Pass>(dynamic_cast<const model::Network&>(workspace.net()), *workspace.layout(),
                                   workspace.parameters(), workspace.gradients(), *pieces);
  for (auto& [name, parameter] : workspace.net().named_parameters()) leaves_.push_back(parameter);
  const auto integers = torch::dtype(torch::kInt64).device(workspace.device());
  order_ = torch::zeros({kFirstCapacity}, integers);
  cursor_ = torch::zeros({1}, integers);
  positions_ = torch::arange(0, integers);
  const auto numbers = workspace.parameters().options().requires_grad(false);
  strengths_ = torch::zeros({kStrengths}, numbers);
  betas_ = torch::zeros({2}, torch::dtype(torch::kFloat64).device(workspace.device()));
  powers_ = torch::ones_like(betas_);
  loss_ = torch::zeros({}, numbers);
  seen_loss_ = torch::zeros({}, torch::dtype(torch::kFloat32).pinned_memory(!workspace.device().is_cpu()));
}

Step::~Step() = default;

void Step::begin(const model::ParametersPtr& base, const SgdSettings& s,
                 const std::optional<AdamSettings>& adam, const TrainExtras* x, const data::Indices& order) {
  torch::NoGradGuard no_grad;
  if (x && x->strength != 0 && !x->anchor) throw std::invalid_argument("there is no anchor to pull to");
  kind_ = {};
  kind_.adam = adam.has_value();
  kind_.decoupled = adam && adam->decoupled;
  kind_.momentum = !adam && s.momentum != 0;
  kind_.decay = s.weight_decay != 0;
  kind_.clip = s.clip_norm > 0;
  kind_.prox = s.prox_mu != 0;
  kind_.anchor = x && x->strength != 0;
  kind_.fisher = kind_.anchor && x->fisher;
  kind_.mask = x && x->mask;
  start_ = base;

  const auto& w = workspace_.parameters();
  if (kind_.prox) keep(base_, base, w, "base version");
  if (kind_.anchor) keep(anchor_, x->anchor, w, "anchor");
  if (kind_.fisher) keep(fisher_, x->fisher, w, "Fisher diagonal");
  if (kind_.mask) keep(mask_, x->mask, w, "mask");
  if (kind_.momentum && !momentum_.defined()) momentum_ = torch::zeros_like(w);
  if (kind_.adam && !mean_.defined()) mean_ = torch::zeros_like(w), square_ = torch::zeros_like(w);

  const auto a = adam.value_or(AdamSettings{});
  const auto strengths = torch::tensor({s.lr, s.momentum, s.weight_decay, s.clip_norm, s.prox_mu,
                                        x ? x->strength : 0.0, 1 - a.beta1, a.beta2, 1 - a.beta2, a.epsilon},
                                       torch::kFloat32);
  strengths_.copy_(engine::on_device(strengths, workspace_.device()));
  if (adam)
    betas_.copy_(engine::on_device(torch::tensor({a.beta1, a.beta2}, torch::kFloat64), workspace_.device()));
  const auto rows = workspace_.upload(order);
  if (rows.numel() > order_.numel()) {
    forget();  // they read the old one
    order_ = torch::zeros({std::max(rows.numel(), 2 * order_.numel())}, order_.options());
  }
  order_.narrow(0, 0, rows.numel()).copy_(rows);
}

Step::Entry& Step::entry(std::int64_t count, std::int64_t steps) {
  auto kind = kind_;
  kind.count = count;
  kind.steps = steps;
  const auto at =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.kind == kind; });
  if (at != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, at);
  } else {
    entries_.push_front({kind, 0, nullptr});
    if (entries_.size() > kMostRecordings) entries_.pop_back();
  }
  return entries_.front();
}

void Step::want(std::int64_t count, std::int64_t steps) {
  each_piece(steps, [&](std::int64_t piece) {
    entry(count, piece).wanted += piece;
    const auto walked =
        count * piece * (kWarmUps + 1);  // warm-ups walk through the rows, too, whatever these are
    if (count <= positions_.numel() && walked <= order_.numel()) return;
    forget();
    if (count > positions_.numel()) positions_ = torch::arange(count, cursor_.options());
    if (walked > order_.numel())
      order_ = torch::cat({order_, torch::zeros({walked - order_.numel()}, order_.options())});
  });
}

void Step::prepare() {
  workspace_.net().train(true);
  for (auto& e : entries_) {
    auto of_this_job = kind_;
    of_this_job.count = e.kind.count;
    of_this_job.steps = e.kind.steps;
    if (!failure_.empty() || e.recording || e.wanted < worth_ || !(e.kind == of_this_job)) continue;
    cursor_.zero_();
    try {
      e.recording = capturer_->record([this, kind = e.kind] { work(kind); });
    } catch (const CaptureError& error) {
      failure_ = error.what();
    }
  }
  reset();
}

void Step::reset() {
  workspace_.load(*start_);
  if (kind_.momentum) momentum_.zero_();
  if (kind_.adam) mean_.zero_(), square_.zero_(), powers_.fill_(1);
  cursor_.zero_();
  loss_.zero_();
}

void Step::run(std::int64_t count, std::int64_t steps) {
  each_piece(steps, [&](std::int64_t piece) {
    auto& e = entry(count, piece);
    if (e.recording)
      e.recording->replay();
    else
      work(e.kind);
  });
}

void Step::work(const StepKind& kind) {
  for (std::int64_t i = 0; i < kind.steps; ++i) pass_ ? step_by_hand(kind) : step(kind);
}

void Step::step_by_hand(const StepKind& kind) {
  torch::NoGradGuard no_grad;
  const auto& pool = workspace_.pool();
  auto shape = pool.images.sizes().vec();
  shape[0] = kind.count;
  const Pass::Batch batch{torch::empty(shape, loss_.options()), torch::empty({kind.count}, cursor_.options()),
                          loss_, cursor_};
  pieces_->gather({order_.data_ptr<std::int64_t>(), cursor_.data_ptr<std::int64_t>(),
                   pool.images.data_ptr<std::uint8_t>(), pool.labels.data_ptr<std::int64_t>(), kind.count,
                   batch.images.numel() / kind.count, batch.images.data_ptr<float>(),
                   batch.labels.data_ptr<std::int64_t>()},
                  pieces_->stream());
  const bool plain =
      !(kind.momentum || kind.adam || kind.decay || kind.clip || kind.prox || kind.anchor || kind.mask);
  if (plain) return pass_->descend(batch, strengths_.select(0, lr));
  pass_->gradient(batch);
  update(kind);
}

void Step::step(const StepKind& kind) {
  engine::Batch batch;
  {
    torch::NoGradGuard no_grad;
    const auto rows = order_.index_select(0, cursor_ + positions_.narrow(0, 0, kind.count));
    cursor_.add_(kind.count);
    batch = workspace_.gather(rows);
  }
  const auto loss = engine::task_loss(workspace_.net().forward(batch.images), batch.labels);
  // Written to the flat gradient at once, where backward() would clear it and then add tensor by tensor.
  auto gradients = torch::autograd::grad({loss}, leaves_, /*grad_outputs=*/{}, /*retain_graph=*/false,
                                         /*create_graph=*/false, /*allow_unused=*/true);
  torch::NoGradGuard no_grad;
  collect(std::move(gradients));
  update(kind);
  loss_.add_(loss.detach(), static_cast<double>(kind.count));
}

/// Into the flat gradient. One cat of all would do, but its kernel has as many threads for each tensor as the
/// largest one needs: large ones are copied, and those between them put together.
void Step::collect(std::vector<torch::Tensor> gradients) {
  std::vector<torch::Tensor> small;
  std::int64_t offset = 0, begin = 0;
  const auto put_small = [&] {
    if (!small.empty()) {
      auto out = workspace_.gradients().narrow(0, begin, offset - begin);
      at::cat_out(out, small);
    }
    small.clear();
  };
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const auto size = leaves_[i].numel();
    auto flat = (gradients[i].defined() ? gradients[i] : torch::zeros_like(leaves_[i])).reshape(-1);
    if (size >= kLargeTensor) {
      put_small();
      workspace_.gradients().narrow(0, offset, size).copy_(flat);
      begin = offset + size;
    } else {
      small.push_back(std::move(flat));
    }
    offset += size;
  }
  put_small();
}

/// optimiser_step with its numbers on the device.
void Step::update(const StepKind& kind) {
  auto &w = workspace_.parameters(), &g = workspace_.gradients();
  const auto strength = [this](Strength s) { return strengths_.select(0, s); };
  if (kind.decay && !kind.decoupled) g.addcmul_(w, strength(decay));
  if (kind.prox) g.addcmul_(w - base_, strength(prox));
  if (kind.anchor) {
    auto pull = w - anchor_;
    if (kind.fisher) pull.mul_(fisher_);
    g.addcmul_(pull, strength(anchor));
  }
  if (kind.mask) g.mul_(mask_);
  if (kind.clip) engine::clip(g, strength(clip));
  if (kind.adam) return update_by_adam(kind);
  if (kind.momentum) at::addcmul_out(momentum_, g, momentum_, strength(momentum));
  w.addcmul_(kind.momentum ? momentum_ : g, strength(lr), -1);
}

/// adam_step behind prepare_gradient.
void Step::update_by_adam(const StepKind& kind) {
  auto &w = workspace_.parameters(), &g = workspace_.gradients();
  const auto strength = [this](Strength s) { return strengths_.select(0, s); };
  if (kind.decoupled && kind.decay) {
    const auto part = strength(lr) * strength(decay);
    w.addcmul_(kind.mask ? w * mask_ : w, part, -1);
  }
  powers_.mul_(betas_);
  const auto corrections = 1 - powers_;
  const auto step = (strength(lr) / corrections.select(0, 0)).to(torch::kFloat32);
  const auto root = corrections.select(0, 1).rsqrt().to(torch::kFloat32);
  mean_.lerp_(g, strength(rest1));
  square_.mul_(strength(beta2)).addcmul_(g * strength(rest2), g);
  w.addcdiv_(mean_ * step, square_.sqrt().mul_(root).add_(strength(epsilon)), -1);
}

std::size_t Step::recordings() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const Entry& e) { return e.recording != nullptr; }));
}

void Step::forget() {
  for (auto& e : entries_) e.recording.reset();
}

}  // namespace afu::engine::graph
