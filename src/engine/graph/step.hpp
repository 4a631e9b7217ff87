#pragma once
/// A lane's training step as a whole on tensors that stay where they are, so that it can be recorded once and
/// replayed without the host looking at anything: which rows are next, how large the step is and what the
/// loss adds up to stand on the device.
#include <torch/types.h>

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "engine/adam_settings.hpp"
#include "engine/graph/capture.hpp"
#include "engine/graph/pass.hpp"
#include "engine/sgd_settings.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::engine::graph {

/// What a step has in it: together with the batch's size what a recording is for. How strong each is, is not.
struct StepKind {
  std::int64_t count = 0;  ///< of the batch's samples: the last batch of an epoch has a recording of its own
  /// So many one after the other are one recording: launches are dear where lanes are many.
  std::int64_t steps = 1;
  bool momentum = false, decay = false, clip = false, prox = false, anchor = false, fisher = false,
       mask = false, adam = false,
       decoupled = false;  ///< AdamW's decay
};
bool operator==(const StepKind& a, const StepKind& b);

class Step {
 public:
  /// A step of this kind is recorded once so many are wanted, in all jobs together: a recording costs about
  /// as much as that many steps. Until then the same operators are called one by one, with the same result.
  static constexpr std::int64_t kWorthRecording = 16;
  /// The most steps of one recording; runs of steps are cut into pieces of this many, half, a quarter, ...
  static constexpr std::int64_t kMostSteps = 8;
  /// The recordings a lane keeps; beyond that the one not used for longest is dropped.
  static constexpr std::size_t kMostRecordings = 64;

  /// `workspace` outlives it. With `pieces` steps do without autograd, by a Pass; throws as Pass does then.
  Step(engine::Workspace& workspace, std::unique_ptr<Capturer> capturer, const Pieces* pieces = nullptr);
  ~Step();

  /// Takes a local training on: base and extras (null: none) to the device, momentum, or Adam's moments, zero. `order`: the rows of all its
  /// steps, one after the other. Then its runs of equal steps are announced by want(), and after prepare() run() does
  /// one after the other. Throws as a job that cannot be run.
  void begin(const model::ParametersPtr& base, const SgdSettings& sgd,
             const std::optional<AdamSettings>& adam, const TrainExtras* extras, const data::Indices& order);
  void want(std::int64_t count, std::int64_t steps);  ///< a run of so many steps with `count` samples each
  void record_at_once() { worth_ = 1; }               ///< However few are wanted.
  void prepare();
  void run(std::int64_t count, std::int64_t steps);
  void start_epoch() { loss_.zero_(); }
  /// Queues the epoch's loss for the host, which has it once the device has come so far.
  void finish() { seen_loss_.copy_(loss_, /*non_blocking=*/true); }
  /// After finish() and a wait: the sum over the epoch's samples of their loss.
  double loss() const { return seen_loss_.item<double>(); }

  const Pieces* pieces() const { return pieces_; }  ///< null: steps go through autograd

  /// Why nothing is recorded any more; empty: all is well.
  const std::string& failure() const { return failure_; }
  std::size_t recordings() const;
  void forget();  ///< Drops all recordings, and with them their memory.

 private:
  struct Entry {
    StepKind kind;
    std::int64_t wanted = 0;
    std::unique_ptr<Recording> recording;
  };
  /// Of the job's kind; becomes the most recently used.
  Entry& entry(std::int64_t count, std::int64_t steps);
  void reset();                     ///< The job's state before its first step.
  void work(const StepKind& kind);  ///< all its steps
  void step(const StepKind& kind);
  void step_by_hand(const StepKind& kind);
  void collect(std::vector<torch::Tensor> gradients);
  void update(const StepKind& kind);
  void update_by_adam(const StepKind& kind);

  engine::Workspace& workspace_;
  std::unique_ptr<Capturer> capturer_;
  const Pieces* pieces_;
  std::unique_ptr<Pass> pass_;  ///< null: autograd
  std::vector<torch::Tensor> leaves_;
  torch::Tensor order_, cursor_, positions_;  ///< [capacity], [1], [largest batch] int64
  torch::Tensor strengths_;                   ///< float32: lr, momentum, decay, clip, prox, anchor; Adam's
  torch::Tensor betas_, powers_;              ///< [2] float64: of Adam, and to the power of its steps
  torch::Tensor loss_, seen_loss_;            ///< [] on the device, [] on the host
  torch::Tensor momentum_, mean_, square_, base_, anchor_, fisher_, mask_;
  model::ParametersPtr start_;
  StepKind kind_;  ///< the job's, but for `count` and `steps`
  std::int64_t worth_ = kWorthRecording;
  std::list<Entry> entries_;
  std::string failure_;
};

}  // namespace afu::engine::graph
