#pragma once
/// What a federation starts from.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
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
  /// Of each client the shards of its training rows (data::shards_of); empty: training.shards is 1, or there are no data.
  std::vector<std::vector<data::IndicesPtr>> shards{};
  /// Vectors as long as the model that an update is sent as: with a ledger by shard everybody's, since nobody knows who will
  /// ask, is its shards' parts, whose sum is the difference.
  std::size_t vectors_sent = 1;
  std::vector<bool> tracked{};  ///< of each client whether such parts of it are kept; empty: of none
};

/// Names the stream that orders the samples of a client's training job.
base::StreamKey training_key(const config::Scenario& scenario, std::uint32_t client, std::uint64_t job);

/// The rows `client` trains on once it honours the erasures whose bits are set in `honours` (scopes "samples",
/// "subject" and "class"). Null without data.
data::IndicesPtr training_rows(const Setup& setup, std::uint32_t client, std::uint64_t honours);
/// Those rows in the client's shards; none where there are no shards.
std::vector<data::IndicesPtr> training_shards(const Setup& setup, std::uint32_t client,
                                              std::uint64_t honours);
/// How many those are; without data what the scenario's fractions make of the client's samples, where a class
/// counts as its share of all classes, and one sample is left at least.
std::int64_t training_samples(const Setup& setup, std::uint32_t client, std::uint64_t honours);

/// The clients that train on what an erasure covers, ascending: who asks, or, of a class, everybody who has samples of it;
/// without data everybody.
std::vector<std::uint32_t> owners_of(const Setup& setup, std::size_t erasure);

/// Which of its client's `shards` a request is about, ascending: all, or, of a part of a client, those that hold any of
/// `forget`; without data all.
std::vector<std::size_t> shards_asked(const Setup& setup, std::uint32_t client, std::size_t shards,
                                      const data::IndicesPtr& forget, bool part);

/// Has `setup`, complete but for that, hold shards of all clients, and whose parts are kept: `shards` says in how many the
/// method's ledger is kept, 1 in none.
void divide_into_shards(Setup& setup, std::size_t shards);
/// What a user should know of them: clients with fewer subjects, or samples, than shards; requests for a part of a client that
/// meet every shard of it.
std::vector<std::string> shard_notes(const Setup& setup);

}  // namespace afu::federate
