#include "compute/graph/step.hpp"

#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace afu::compute::graph {
namespace {

enum Strength { lr, momentum, decay, clip, prox, anchor, kStrengths };

constexpr std::int64_t kFirstCapacity = 16384;
constexpr double kClipEpsilon = 1e-6;  // as in train/sgd.cpp

auto tied(const StepKind& k) {
  return std::tie(k.count, k.momentum, k.decay, k.clip, k.prox, k.anchor, k.fisher, k.mask);
}

/// The lane's own copy of a job's vector, always in the same place.
void keep(torch::Tensor& copy, const ParametersPtr& v, const torch::Tensor& like, const char* what) {
  if (v->values.numel() != like.numel())
    throw std::invalid_argument(
        fmt::format("the {} has {} values where the model has {}", what, v->values.numel(), like.numel()));
  if (!copy.defined()) copy = torch::empty_like(like);
  copy.copy_(v->values, /*non_blocking=*/true);
}

}  // namespace

bool operator==(const StepKind& a, const StepKind& b) { return tied(a) == tied(b); }

Step::Step(Workspace& workspace, std::unique_ptr<Recorder> recorder)
    : workspace_(workspace), recorder_(std::move(recorder)) {
  for (auto& [name, parameter] : workspace.net().named_parameters()) leaves_.push_back(parameter);
  const auto integers = torch::dtype(torch::kInt64).device(workspace.device());
  order_ = torch::zeros({kFirstCapacity}, integers);
  cursor_ = torch::zeros({1}, integers);
  positions_ = torch::arange(0, integers);
  const auto numbers = workspace.parameters().options().requires_grad(false);
  strengths_ = torch::zeros({kStrengths}, numbers);
  loss_ = torch::zeros({}, numbers);
}

void Step::begin(const TrainJob& job, const data::Indices& order) {
  torch::NoGradGuard no_grad;
  const auto& s = job.sgd;
  const auto* x = job.extras.get();
  if (x && x->strength != 0 && !x->anchor) throw std::invalid_argument("there is no anchor to pull to");
  kind_ = {};
  kind_.momentum = s.momentum != 0;
  kind_.decay = s.weight_decay != 0;
  kind_.clip = s.clip_norm > 0;
  kind_.prox = s.prox_mu != 0;
  kind_.anchor = x && x->strength != 0;
  kind_.fisher = kind_.anchor && x->fisher;
  kind_.mask = x && x->mask;
  start_ = job.base;

  const auto& w = workspace_.parameters();
  if (kind_.prox) keep(base_, job.base, w, "base version");
  if (kind_.anchor) keep(anchor_, x->anchor, w, "anchor");
  if (kind_.fisher) keep(fisher_, x->fisher, w, "Fisher diagonal");
  if (kind_.mask) keep(mask_, x->mask, w, "mask");
  if (kind_.momentum && !momentum_.defined()) momentum_ = torch::zeros_like(w);

  const auto strengths = torch::tensor(
      {s.lr, s.momentum, s.weight_decay, s.clip_norm, s.prox_mu, x ? x->strength : 0.0}, torch::kFloat32);
  strengths_.copy_(on_device(strengths, workspace_.device()));
  const auto rows = workspace_.upload(order);
  if (rows.numel() > order_.numel()) {
    forget();  // they read the old one
    order_ = torch::zeros({std::max(rows.numel(), 2 * order_.numel())}, order_.options());
  }
  order_.narrow(0, 0, rows.numel()).copy_(rows);
}

Step::Entry& Step::entry(std::int64_t count) {
  auto kind = kind_;
  kind.count = count;
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
  if (steps <= 0) return;
  entry(count).wanted += steps;
  if (count > positions_.numel() || count * (kWarmUps + 1) > order_.numel()) {
    forget();  // warm-ups walk through the rows, too, whatever these are
    if (count > positions_.numel()) positions_ = torch::arange(count, cursor_.options());
    if (const auto needed = count * (kWarmUps + 1); needed > order_.numel())
      order_ = torch::cat({order_, torch::zeros({needed - order_.numel()}, order_.options())});
  }
}

void Step::prepare() {
  workspace_.net().train(true);
  for (auto& e : entries_) {
    auto of_this_job = kind_;
    of_this_job.count = e.kind.count;
    if (!failure_.empty() || e.recording || e.wanted < kWorthRecording || !(e.kind == of_this_job)) continue;
    cursor_.zero_();
    try {
      e.recording = recorder_->record([this, kind = e.kind] { work(kind); });
    } catch (const RecordError& error) {
      failure_ = error.what();
    }
  }
  reset();
}

void Step::reset() {
  workspace_.load(*start_);
  if (kind_.momentum) momentum_.zero_();
  cursor_.zero_();
  loss_.zero_();
}

void Step::run(std::int64_t count) {
  auto& e = entry(count);
  if (e.recording)
    e.recording->replay();
  else
    work(e.kind);
}

void Step::work(const StepKind& kind) {
  Batch batch;
  {
    torch::NoGradGuard no_grad;
    const auto rows = order_.index_select(0, cursor_ + positions_.narrow(0, 0, kind.count));
    cursor_.add_(kind.count);
    batch = workspace_.gather(rows);
  }
  const auto loss = at::cross_entropy_loss(workspace_.net().forward(batch.images), batch.labels);
  // Written to the flat gradient at once, where backward() would clear it and then add tensor by tensor.
  auto gradients = torch::autograd::grad({loss}, leaves_, /*grad_outputs=*/{}, /*retain_graph=*/false,
                                         /*create_graph=*/false, /*allow_unused=*/true);
  torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < gradients.size(); ++i)
    gradients[i] = (gradients[i].defined() ? gradients[i] : torch::zeros_like(leaves_[i])).reshape(-1);
  at::cat_out(workspace_.gradients(), gradients);
  update(kind);
  loss_.add_(loss.detach(), static_cast<double>(kind.count));
}

/// train::sgd_step with its numbers on the device.
void Step::update(const StepKind& kind) {
  auto &w = workspace_.parameters(), &g = workspace_.gradients();
  const auto strength = [this](Strength s) { return strengths_.select(0, s); };
  if (kind.decay) g.addcmul_(w, strength(decay));
  if (kind.prox) g.addcmul_(w - base_, strength(prox));
  if (kind.anchor) {
    auto pull = w - anchor_;
    if (kind.fisher) pull.mul_(fisher_);
    g.addcmul_(pull, strength(anchor));
  }
  if (kind.mask) g.mul_(mask_);
  if (kind.clip) g.mul_((strength(clip) / (g.norm() + kClipEpsilon)).clamp_max(1.0));
  if (kind.momentum) at::addcmul_out(momentum_, g, momentum_, strength(momentum));
  w.addcmul_(kind.momentum ? momentum_ : g, strength(lr), -1);
}

std::size_t Step::recordings() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const Entry& e) { return e.recording != nullptr; }));
}

void Step::forget() {
  for (auto& e : entries_) e.recording.reset();
}

}  // namespace afu::compute::graph
