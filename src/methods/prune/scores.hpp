#pragma once
/// Which channels tell a class from the others (Wang et al. 2022). Pure functions.
#include "methods/prune/job.hpp"

namespace afu::methods {

/// TF * IDF of every channel [T] for the class `label`, from the statistics of all clients together; `layers`: channels
/// of each convolution. A: a channel's mean within a class; classes without rows do not count.
///   TF_j  = A[label, j] / sum of A[label, .] over j's layer (0 where that sum is 0)
///   IDF_j = log((1 + C) / (1 + |{i : A[i, j] >= mean_i A[i, j]}|))
/// as in the paper; `form` names what public codes have instead. All 0 where `label` has no rows. Throws
/// std::invalid_argument where the statistics do not fit.
std::vector<double> discrimination_scores(const std::vector<double>& statistics,
                                          const std::vector<std::int64_t>& layers, std::int64_t label,
                                          const Discrimination& form = {});

}  // namespace afu::methods
