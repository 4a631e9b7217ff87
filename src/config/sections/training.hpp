#pragma once
/// [training].
#include <cstdint>
#include <vector>

#include "config/augmentation.hpp"
#include "config/choices.hpp"

namespace afu::config {

/// What becomes of a result that is not finite (federate/not_finite.hpp).
AFU_CHOICE(NonFinite, fail, drop)

/// Of a client's local training (engine/optimiser.hpp).
AFU_CHOICE(LocalOptimiser, sgd, adam, adamw)
/// How the step size goes on, and what it counts (train/learning_rate.hpp).
AFU_CHOICE(LrSchedule, constant, step, cosine)
AFU_CHOICE(LrClock, jobs, updates, rounds)

struct TrainingSection {
  Rule rule = Rule::async_delta;
  NonFinite non_finite = NonFinite::fail;
  std::int64_t local_epochs = 1;
  std::int64_t local_steps = 0;  ///< when positive, the number of steps of a job, whatever local_epochs says
  std::int64_t batch_size = 32;
  std::int64_t shards = 1;  ///< of each client's samples, trained on one after the other; 1: all at once
  bool balanced = false;    ///< each class that a client has is as likely as any other in its batches
  LocalOptimiser optimiser = LocalOptimiser::sgd;
  double lr = 0.01;
  double momentum = 0.9;
  double weight_decay = 0.0;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  ///< adam, adamw
  LrSchedule schedule = LrSchedule::constant;
  LrClock schedule_by = LrClock::jobs;
  std::vector<std::int64_t> schedule_milestones;  ///< step: ascending
  std::int64_t schedule_every = 0;                ///< step: in place of milestones; 0: it has these
  double schedule_factor = 0.1;                   ///< step
  std::int64_t schedule_length = 0;               ///< cosine: where it ends
  double schedule_floor = 0.0;                    ///< cosine: factor at its end
  std::int64_t warm_up = 0;                       ///< of any schedule; 0: none
  double clip_norm = 5.0;                         ///< 0: no clipping
  double prox_mu = 0.0;                           ///< FedProx
  double max_delta = 0.0;                         ///< longest difference a client sends; 0: any
  double server_lr = 0.3;                         ///< eta of async_delta and fedbuff
  double mixing = 0.6;                            ///< alpha of fedasync
  std::int64_t mixing_halved_at = 0;  ///< fedasync: after so many updates alpha is halved; 0: never
  StalenessForm staleness = StalenessForm::polynomial;
  double staleness_a = 0.5;
  double staleness_b = 4.0;
  double staleness_average = 0.0;                    ///< fedbuff: s is divided by s of this; 0: it is not
  RoundWeight round_weights = RoundWeight::samples;  ///< fedavg
  bool weight_by_samples = true;                     ///< omega_k = clip(n_k / mean n, 0.4, 1.6)
  std::int64_t buffer_size = 3;                      ///< fedbuff, port
  BufferDivisor buffer_normalisation = BufferDivisor::count;
  double server_momentum = 0.0;                 ///< fedavg, fedbuff
  double aso_beta = 0.001;                      ///< aso_fed: what is kept of the balance h_k
  bool aso_feature_step = false;                ///< aso_fed: reweight the first layer after each merge
  double port_similarity = 1.0;                 ///< port: weight of the cosine
  double port_staleness = 1.0;                  ///< port: weight of the staleness
  double staleness_bound = 10.0;                ///< port: S of S / (tau + S)
  double ewc_strength = 0.0;                    ///< lambda of EWC after an erasure; 0: none
  std::int64_t ewc_samples = 256;               ///< calibration samples of its Fisher information
  FisherLabels ewc_labels = FisherLabels::all;  ///< of its Fisher information
  std::int64_t clients_per_round = 0;           ///< fedavg: 0 = all
  std::int64_t max_in_flight = 0;               ///< asynchronous rules: clients working at a time, 0 = all
  Augmentation augment;
};

}  // namespace afu::config
