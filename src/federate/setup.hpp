#pragma once
/// What a federation starts from.
#include <cstdint>
#include <memory>
#include <vector>

#include "base/random.hpp"
#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "model/parameters_fwd.hpp"

namespace afu::federate {

/// `data`, `initial` and `forget` are null or empty in timing-only runs of generated data.
struct Setup {
  std::shared_ptr<const config::Scenario> scenario;
  std::shared_ptr<const data::FederatedData> data;
  model::ParametersPtr initial;
  model::ParametersPtr restart;  ///< what a retraining starts from; null: from `initial`
  std::uint64_t model_bytes = 0;
  bool statistics = false;               ///< the model has running statistics (BatchNorm)
  std::vector<std::uint32_t> samples;    ///< training samples of each client
  std::vector<data::IndicesPtr> forget;  ///< rows to forget, one set an erasure of the scenario
};

/// Names the stream that orders the samples of a client's training job.
base::StreamKey training_key(const config::Scenario& scenario, std::uint32_t client, std::uint64_t job);

/// The rows `client` trains on once it honours the erasures whose bits are set in `honours` (scopes "samples",
/// "subject" and "class"). Null without data.
data::IndicesPtr training_rows(const Setup& setup, std::uint32_t client, std::uint64_t honours);
/// How many those are; without data what the scenario's fractions make of the client's samples, where a class
/// counts as its share of all classes, and one sample is left at least.
std::int64_t training_samples(const Setup& setup, std::uint32_t client, std::uint64_t honours);

/// The clients that train on what an erasure covers, ascending: who asks, or, of a class, everybody who has samples of it;
/// without data everybody.
std::vector<std::uint32_t> owners_of(const Setup& setup, std::size_t erasure);

}  // namespace afu::federate
