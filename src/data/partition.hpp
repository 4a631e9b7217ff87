#pragma once
/// How training rows are divided among clients (src/data/README.md, Partitions). Pure functions of labels,
/// subjects and seed.
#include <cstdint>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// The rows 0 to labels.size()-1, each given to exactly one of section.clients; every client's rows ascend.
/// `subjects` is empty where none are known.
///
///   iid               shuffled and dealt out: sizes differ by one at most
///   dirichlet         each class divided by shares drawn from Dir(alpha), split at floor(cumsum * n_c);
///                     a client that holds its N/K already draws no more (NIID-Bench); drawn again until
///                     everybody has min_samples. Where subjects are known the shares are of subjects:
///                     a patient belongs to one hospital
///   dirichlet_client  equal sizes; each client draws classes from Dir(alpha * prior) (Hsu, Qi, Brown 2019)
///   pathological      exactly classes_per_client classes a client, each class divided evenly among its
///                     holders
///   subject           whole subjects, larger ones first, each to the client with the fewest images
///
/// Throws DataError where the data cannot be divided like that.
std::vector<Indices> partition_rows(const std::vector<std::int64_t>& labels,
                                    const std::vector<std::int64_t>& subjects,
                                    const config::PartitionSection& section, std::uint64_t seed);

/// The rows of each site, in the sites' order: scheme "site". `sites` is one a row, an index of `names`. Throws DataError
/// unless the sites that have rows are as many as section.clients.
struct SiteRows {
  std::vector<std::string> names;
  std::vector<Indices> rows;
};
SiteRows rows_by_site(const std::vector<std::int64_t>& sites, const std::vector<std::string>& names,
                      const config::PartitionSection& section);

/// True where a client of this partition is a set of whole subjects; of a site, of those of its images that are its own.
bool keeps_subjects(const std::vector<std::int64_t>& subjects, const config::PartitionSection& section);

struct HoldOut {
  Indices train, holdout;
};
/// Takes section.holdout_fraction (rounded) of one client's rows out of its training: at least one where the
/// fraction is positive and there are two, and never all. Where clients are sets of subjects, whole subjects
/// are taken, as many as come to the fraction of the images; a client of a single subject then holds nothing
/// out.
HoldOut hold_out(const Indices& rows, const std::vector<std::int64_t>& subjects,
                 const config::PartitionSection& section, std::uint64_t seed, std::int64_t client);

}  // namespace afu::data
