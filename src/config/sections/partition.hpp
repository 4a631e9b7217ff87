#pragma once
/// [partition].
#include <cstdint>

#include "config/choices.hpp"

namespace afu::config {

/// What a site's scanner does to all of its images (data/site_shift.hpp). Strengths; 0: nothing.
struct SiteShiftSection {
  double contrast = 0, noise = 0, bias_field = 0, resolution = 0;
  TestSites test = TestSites::sites;
  bool any() const { return contrast > 0 || noise > 0 || bias_field > 0 || resolution > 0; }
};

struct PartitionSection {
  PartitionScheme scheme = PartitionScheme::iid;
  std::int64_t clients = 8;
  double alpha = 0.5;
  std::int64_t classes_per_client = 2;
  std::int64_t min_samples = 10;  ///< a draw that leaves a client with fewer is repeated (dirichlet)
  double holdout_fraction =
      0.15;  ///< of each client's samples, never trained on: the non-members of its members
  SiteShiftSection shift;
};

}  // namespace afu::config
