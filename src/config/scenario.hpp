#pragma once
/// A scenario, checked and complete: every value is within its documented range once `load_scenario` has
/// returned it.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/augmentation.hpp"
#include "config/option.hpp"

namespace afu::config {

enum class Clock { simulated, wall };  // TOML: "virtual", "wall"
enum class Execute { train, timing };

/// A distribution of a positive quantity, as an inline table: `{ distribution = "lognormal", median = 1,
/// sigma = 0.5 }`. Which of the parameters are allowed follows from `kind`; see config/distribution.hpp for
/// their meaning.
struct Distribution {
  std::string kind = "constant";  ///< constant uniform normal lognormal exponential pareto zipf trace
  std::map<std::string, double> parameters{{"value", 1.0}};
  std::string path;  ///< CSV file, for `trace`
};

struct ScenarioSection {
  std::string name = "unnamed";
  std::uint64_t seed = 1;
  Clock clock = Clock::simulated;
  double time_scale = 1.0;  ///< real seconds a second of the run's clock takes (wall clock only)
  Execute execute = Execute::train;
};

struct Backdoor {
  std::string trigger = "none";  ///< none patch blend checkerboard
  std::int64_t client = -1;      ///< whose samples are poisoned; -1: the client of the first erasure
  double fraction = 0.8;         ///< of the client's training samples that are not of the target class
  std::int64_t label = 0;        ///< the attack's target label
  std::int64_t size = 4;         ///< side of the trigger, pixels (patch, checkerboard)
  double opacity = 0.3;          ///< of the blended pattern
};

struct DataSection {
  std::string source = "phantom";     ///< phantom npz image_folder
  std::string path;                   ///< npz file or folder; see resolve_data_path
  std::int64_t image_size = 28;       ///< pixels a side: phantom, and image_folder's resize target
  std::int64_t channels = 1;          ///< 1 or 3: phantom, image_folder
  std::int64_t classes = 4;           ///< phantom only
  std::int64_t train_samples = 2000;  ///< phantom: how many to generate
  std::int64_t val_samples = 400;     ///< phantom
  std::int64_t test_samples = 800;    ///< phantom
  double difficulty = 0.5;            ///< phantom: 0 trivial, 1 very hard
  std::int64_t limit = 0;             ///< use at most so many training samples, 0: all
  double val_fraction = 0.1;          ///< image_folder
  double test_fraction = 0.2;         ///< image_folder
  /// image_folder: keep a subject's images in one split when subjects are known.
  bool split_by_subject = true;
  Backdoor backdoor;
};

/// What a site's scanner does to all of its images (data/site_shift.hpp). Strengths; 0: nothing.
struct SiteShiftSection {
  double contrast = 0, noise = 0, bias_field = 0, resolution = 0;
  std::string test = "sites";  ///< sites none: whose scanners the test images come from
  bool any() const { return contrast > 0 || noise > 0 || bias_field > 0 || resolution > 0; }
};

struct PartitionSection {
  std::string scheme = "iid";  ///< iid dirichlet dirichlet_client pathological subject
  std::int64_t clients = 8;
  double alpha = 0.5;
  std::int64_t classes_per_client = 2;
  std::int64_t min_samples = 10;  ///< a draw that leaves a client with fewer is repeated (dirichlet)
  double holdout_fraction =
      0.15;  ///< of each client's samples, never trained on: the non-members of its members
  SiteShiftSection shift;
};

struct ModelSection {
  std::string name = "cnn_small";  ///< see model::model_names
  std::int64_t hidden = 200;       ///< mlp
  std::string norm = "group";      ///< resnet18: group, batch
  std::string path;                ///< torchscript
  std::int64_t init_seed = 0;      ///< of the initial weights; 0: scenario.seed
};

struct TrainingSection {
  std::string rule = "async_delta";  ///< async_delta fedavg fedasync fedbuff aso_fed port
  std::int64_t local_epochs = 1;
  std::int64_t local_steps = 0;  ///< when positive, the number of steps of a job, whatever local_epochs says
  std::int64_t batch_size = 32;
  double lr = 0.01;
  double momentum = 0.9;
  double weight_decay = 0.0;
  double clip_norm = 5.0;                ///< 0: no clipping
  double prox_mu = 0.0;                  ///< FedProx
  double max_delta = 0.0;                ///< longest difference a client sends; 0: any
  double server_lr = 0.3;                ///< eta of async_delta and fedbuff
  double mixing = 0.6;                   ///< alpha of fedasync
  std::int64_t mixing_halved_at = 0;     ///< fedasync: after so many updates alpha is halved; 0: never
  std::string staleness = "polynomial";  ///< constant polynomial exponential hinge
  double staleness_a = 0.5;
  double staleness_b = 4.0;
  double staleness_average = 0.0;              ///< fedbuff: s is divided by s of this; 0: it is not
  std::string round_weights = "samples";       ///< samples uniform: fedavg
  bool weight_by_samples = true;               ///< omega_k = clip(n_k / mean n, 0.4, 1.6)
  std::int64_t buffer_size = 3;                ///< fedbuff, port
  std::string buffer_normalisation = "count";  ///< count staleness: what fedbuff divides by
  double server_momentum = 0.0;                ///< fedavg, fedbuff
  double aso_beta = 0.001;                     ///< aso_fed: what is kept of the balance h_k
  bool aso_feature_step = false;               ///< aso_fed: reweight the first layer after each merge
  double port_similarity = 1.0;                ///< port: weight of the cosine
  double port_staleness = 1.0;                 ///< port: weight of the staleness
  double staleness_bound = 10.0;               ///< port: S of S / (tau + S)
  double ewc_strength = 0.0;                   ///< lambda of EWC after an erasure; 0: none
  std::int64_t ewc_samples = 256;              ///< calibration samples of its Fisher information
  std::string ewc_labels = "all";              ///< all sampled own: of its Fisher information
  std::int64_t clients_per_round = 0;          ///< fedavg: 0 = all
  std::int64_t max_in_flight = 0;              ///< asynchronous rules: clients working at a time, 0 = all
  Augmentation augment;
};

struct ComputeOverride {
  std::int64_t client = 0;
  double slowdown = 1.0;
};
struct ComputeHeterogeneity {
  double seconds_per_sample = 0.002;  ///< on hardware with slowdown 1
  Distribution slowdown;              ///< one draw a client
  Distribution jitter;                ///< one draw a job
  double straggler_share = 0.0;       ///< part of the clients, rounded, that is slower by straggler_factor
  double straggler_factor = 10.0;     ///< on top of the slowdown drawn
  std::int64_t straggler_first = -1;  ///< this client is the first of them; -1: drawn like the others
  double server_slowdown = 0.1;  ///< of the server's own jobs: a server's GPU beside a hospital's workstation
  std::vector<ComputeOverride> overrides;
};
struct NetworkOverride {
  std::int64_t client = 0;
  double latency_seconds = -1, uplink_mbit = -1, downlink_mbit = -1;  ///< negative: as drawn
};
struct NetworkHeterogeneity {
  Distribution latency_seconds{"constant", {{"value", 0.02}}, ""};  ///< one draw a client, each direction
  Distribution uplink_mbit{"constant", {{"value", 0.0}}, ""};       ///< one draw a client; 0: unlimited
  Distribution downlink_mbit{"constant", {{"value", 0.0}}, ""};
  Distribution jitter{"constant", {{"value", 1.0}}, ""};  ///< factor on the latency, one draw a message
  double server_mbit = 0.0;  ///< shared bottleneck of the server's own link, each direction; 0: unlimited
  double loss_probability = 0.0;  ///< a message is lost and sent again after retransmit_seconds
  double retransmit_seconds = 1.0;
  std::vector<NetworkOverride> overrides;
};
struct AvailabilityHeterogeneity {
  std::string model = "always";                        ///< always markov diurnal trace
  double mean_on_seconds = 60, mean_off_seconds = 20;  ///< markov
  double period_seconds = 240, on_fraction = 0.5;      ///< diurnal; phases spread evenly over the clients
  std::string path;                                    ///< trace: CSV client,on_seconds,off_seconds
  double dropout_probability = 0.0;                    ///< a job is lost in mid-round
  double dropout_restart_seconds = 1.0;                ///< until the client reports it
};
struct Heterogeneity {
  ComputeHeterogeneity compute;
  NetworkHeterogeneity network;
  AvailabilityHeterogeneity availability;
};

struct Erasure {
  std::int64_t client = -1;     ///< who asks; none where the scope is "class"
  std::int64_t at_update = -1;  ///< exactly one of the three is set (not negative)
  std::int64_t at_round = -1;   ///< fedavg
  double at_seconds = -1;
  std::string scope = "client";  ///< client samples class
  double fraction = 0.5;         ///< of the client's training samples (scope = samples)
  std::int64_t label = -1;       ///< `class` in TOML: which class all clients forget (scope = class)
};

struct UnlearningSection {
  std::string method = "afu_ic";
  std::string coordination =
      "default";                    ///< default concurrent blocking: the method's authors' form, or another
  std::string late = "rebase";      ///< rebase guard drop accept
  double history_budget_mb = 4096;  ///< most the server may keep for the method
  /// [unlearning.<method>], one for every registered method, complete with defaults.
  std::map<std::string, Values> methods;
};

struct CalibrationSection {
  std::string source = "validation";          ///< validation clients: whose the images are
  std::int64_t samples_per_environment = 20;  ///< an environment is a retained client
  std::int64_t steps = 20;
  std::int64_t batch_size = 0;  ///< of a step, over all environments; 0: the whole set
  double lr = 0.01;
  double momentum = 0.9;
  double clip_norm = 5.0;
  std::string optimiser = "sgd";         ///< sgd adam
  double risk = 1.0;                     ///< weight of the mean cross entropy
  double beta = 1.0;                     ///< weight of KL(p before the erasure || p)
  double kd = 0.0;                       ///< weight of KL(p right after the erasure || p)
  double fisher = 0.0;                   ///< strength of the Fisher anchor at the erased model
  std::string fisher_form = "gradient";  ///< gradient proximal
  std::int64_t fisher_samples = 256;
  std::string invariance = "none";       ///< none perturbation irm vrex
  double lambda = 1.0;                   ///< weight of the invariance's penalty
  std::int64_t anneal_jobs = 0;          ///< so many calibrations have a lambda of 1 at most
  bool divide_loss = false;              ///< by max(1, lambda)
  std::string perturbation = "default";  ///< default (blind) blind oracle adversarial
  std::int64_t adversarial_every = 10;   ///< calibrations
  std::int64_t adversarial_steps = 100;
  double adversarial_lr = 0.1, adversarial_sparsity = 0.01;
  std::string irm_estimator = "square";  ///< square halves
  std::string environments = "client";   ///< client interventional
  bool placebo = false;                  ///< same set, same steps, the cross entropy alone
  std::int64_t stages = 10;              ///< parts in which the first calibration goes through the erasure
  bool until_loss = false;               ///< until the cross entropy is what it was before the erasure
  std::int64_t until_loss_steps = 200;   ///< at most
  std::int64_t window_updates = 20;
  std::int64_t window_every = 2;
  std::int64_t window_steps = 2;
  std::int64_t sunset_jobs = 0;  ///< consecutive calibrations at the reference that end the window; 0: none
  double sunset_factor = 1.1;    ///< times the reference
  bool gate = false;             ///< merges of updates that raise the penalty are taken back in part
  double gate_epsilon = 0.0;     ///< what it may rise by
  std::int64_t gate_samples = 256;  ///< of the probe
  bool staleness_discount = false;  ///< (1 + staleness)^-1/2
  double max_delta = 0.0;           ///< longest difference that is merged; 0: any
  std::int64_t guard_rank = 0;      ///< 0: no guard
  double guard_restore = 0.0;       ///< kappa
  std::int64_t guard_restore_every = 8;
  bool guard_measure = false;  ///< take cos(delta, -e), guard or not
};

struct EvaluationSection {
  std::int64_t every_updates = 8;
  std::int64_t dense_updates = 5;  ///< every version for so many updates after a merge
  std::int64_t batch_size = 256;
  std::int64_t max_retain_samples = 1000;       ///< of the retained clients' training samples; 0: all
  std::vector<std::string> attacks{"default"};  ///< config/attack_names.hpp
  std::int64_t reference_models = 0;            ///< trained without the forget set, for lira and rmia
  std::int64_t reference_epochs = 10;
  double rmia_a = 0.3;
  std::int64_t relearn_batches = 200;  ///< most that `relearn` tries
};

struct ComputeSection {
  std::vector<std::string> devices{"cpu"};  ///< cpu, cuda:0, ... ; cuda: all visible; one named twice: as two
  std::int64_t lanes = 0;                   ///< a device; 0: as many as cores, or 8 a GPU
  std::int64_t lookahead = 0;               ///< finished jobs not joined yet, 0: 4 x lanes
  std::int64_t batched_clients = 1;         ///< most that a lane steps together; 0: a probe says
  std::string step = "auto";                ///< auto fused autograd graph kernels: see engine/step_engine.hpp
  std::string precision = "fp32";           ///< fp32 tf32 bf16: see device/numerics.hpp
  bool deterministic = true;                ///< on GPUs; CPU lanes always are
};

struct OutputSection {
  std::string folder;  ///< empty: runs/<scenario name>
  bool events = true;
  bool trace = true;
  bool model = true;
  bool snapshots = false;                  ///< also the models at the points of attack
  bool audit = false;                      ///< also what an outside checker needs: audit/
  std::vector<std::string> audit_updates;  ///< single updates that audit/ is to hold, "CLIENT/JOB"
};

struct StopSection {
  std::int64_t updates = 0;  ///< accepted updates; 0: no limit
  std::int64_t rounds = 0;   ///< fedavg rounds
  double seconds = 0;        ///< on the run's own clock
};

struct Scenario {
  ScenarioSection scenario;
  DataSection data;
  PartitionSection partition;
  ModelSection model;
  TrainingSection training;
  Heterogeneity heterogeneity;
  std::vector<Erasure> erasures;
  UnlearningSection unlearning;
  CalibrationSection calibration;
  EvaluationSection evaluation;
  ComputeSection compute;
  OutputSection output;
  StopSection stop;
  std::string file;  ///< where it came from, for messages and relative paths
};

}  // namespace afu::config
