#pragma once
/// [evaluation].
#include <cstdint>
#include <string>
#include <vector>

namespace afu::config {

struct EvaluationSection {
  std::int64_t every_updates = 8;
  std::int64_t dense_updates = 5;  ///< every version for so many updates after a merge
  std::int64_t batch_size = 256;
  bool by_client = false;  ///< figures of each client's held-out samples and each site's test images
  std::int64_t max_retain_samples = 1000;       ///< of the retained clients' training samples; 0: all
  std::vector<std::string> attacks{"default"};  ///< config/attack_names.hpp
  std::int64_t reference_models = 0;            ///< trained without the forget set, for lira and rmia
  std::int64_t reference_epochs = 10;
  double rmia_a = 0.3;
  std::int64_t relearn_batches = 200;  ///< most that `relearn` tries
};

}  // namespace afu::config
