#pragma once
/// Class-discriminative pruning (Wang et al. 2022). A model's channels are those of all its convolutions, one
/// after the other as Model::convolutions has them: T in total.
#include <cstdint>
#include <vector>

#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// Kernel "prune_statistics", in eval mode.
/// inputs   {model}
/// samples  {rows}
/// settings batch_size
/// numbers  how many rows each class has [C], then [C, T]: the sum over a class's rows of a channel's mean
///          over the image of ReLU(convolution), before the norm. Clients' numbers can be added.
job::JobResult prune_statistics(engine::Workspace& workspace, const job::KernelJob& job);

/// Where the paper and its public codes differ.
struct Discrimination {
  bool code_idf = false;  ///< IDF_j = log(C / (|{...}| + 1)) instead
  /// Above 0: TF_j is multiplied by log(C_out e / tf_coe), C_out being the channels of j's layer.
  double tf_coe = 0;
};

/// TF * IDF of every channel [T] for the class `label`, from the numbers above of all clients together;
/// `layers`: channels of each convolution. A: a channel's mean within a class; classes without rows do not
/// count.
///   TF_j  = A[label, j] / sum of A[label, .] over j's layer (0 where that sum is 0)
///   IDF_j = log((1 + C) / (1 + |{i : A[i, j] >= mean_i A[i, j]}|))
/// as in the paper; `form` names what public codes have instead. All 0 where `label` has no rows. Throws
/// std::invalid_argument where the numbers do not fit.
std::vector<double> discrimination_scores(const std::vector<double>& numbers,
                                          const std::vector<std::int64_t>& layers, std::int64_t label,
                                          const Discrimination& form = {});

/// Kernel "prune": the channels with the highest scores above 0 go, `sparsity` of all T, at least one. With a
/// channel go its filter and bias, the following norm's scale and shift, and what reads it in the next layer.
/// A channel whose filter is 0 already is an earlier request's: it stays pruned and does not count. A
/// convolution keeps its last channel.
/// inputs   {model}
/// numbers  as above, of all clients together
/// settings label, sparsity, idf ("paper", "code"), tf_coe
/// outputs  {the pruned model; 1 where a parameter stays, 0 where it is pruned, buffers 0}
/// figures  pruned: channels, those of earlier requests included
job::JobResult prune(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
