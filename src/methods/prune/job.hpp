#pragma once
/// Class-discriminative pruning (Wang et al. 2022), as it is asked for. A model's channels are those of all its
/// convolutions, one after the other as Model::convolutions has them: T in total.
#include <cstdint>
#include <vector>

#include "job/job.hpp"

namespace afu::methods {

struct PruneStatisticsJob {
  static constexpr const char* name = "prune_statistics";
  model::ParametersPtr model;
  base::IndicesPtr rows;
  std::int64_t batch_size = 256;
};
AFU_FIELDS(PruneStatisticsJob, model, rows, batch_size)

/// In eval mode. Numbers: how many rows each class has [C], then [C, T]: the sum over a class's rows of a channel's mean
/// over the image of ReLU(convolution), before the norm. Clients' numbers can be added. Throws std::invalid_argument
/// without a model, rows or convolutions.
job::JobResult run(engine::Workspace& workspace, const PruneStatisticsJob& job);

/// The scores' form, in which the paper and its public codes differ.
struct Discrimination {
  /// How the classes count that a channel answers to. paper: IDF_j = log((1 + C) / (1 + |{...}|)); code: log(C /
  /// (|{...}| + 1)).
  enum class Idf { paper, code } idf = Idf::paper;
  /// Above 0: TF_j is multiplied by log(C_out e / tf_coe), C_out being the channels of j's layer.
  double tf_coe = 0;
};
AFU_LAST(Discrimination::Idf, code)
AFU_FIELDS(Discrimination, idf, tf_coe)

struct PruneJob {
  static constexpr const char* name = "prune";
  model::ParametersPtr model;
  std::vector<double> statistics;  ///< the numbers above, of all clients together
  std::int64_t label = 0;          ///< the class to forget
  double sparsity = 0.05;          ///< part of all T channels
  Discrimination form;
};
AFU_FIELDS(PruneJob, model, statistics, label, sparsity, form)

/// The channels with the highest scores above 0 go, `sparsity` of all T, at least one. With a channel go its filter and
/// bias, the following norm's scale and shift, and what reads it in the next layer. A channel whose filter is 0 already
/// is an earlier request's: it stays pruned and does not count. A convolution keeps its last channel.
/// Outputs: the pruned model; 1 where a parameter stays, 0 where it is pruned, buffers 0. Figure "pruned": channels,
/// those of earlier requests included. Throws std::invalid_argument without a model of convolutions, and for statistics
/// that do not fit it.
job::JobResult run(engine::Workspace& workspace, const PruneJob& job);

}  // namespace afu::methods
