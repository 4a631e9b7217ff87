#include "data/shares.hpp"

#include <cstdint>
#include <utility>

#include "config/scenario.hpp"
#include "data/strata.hpp"

namespace afu::data {

Shares divide(const Source& source, const config::Scenario& scenario) {
  const auto& partition = scenario.partition;
  const auto seed = scenario.scenario.seed;
  Shares shares;
  std::vector<Indices> divided;
  if (partition.scheme == config::PartitionScheme::site) {
    auto sites = rows_by_site(source.train.sites, source.site_names, partition);
    shares.client_names = std::move(sites.names);
    divided = std::move(sites.rows);
  } else {
    if (source.multi_label() && partition.scheme == config::PartitionScheme::pathological)
      throw DataError(
          "partition.scheme: value is \"pathological\", which deals out classes, and the images have any number of "
          "labels; allowed are iid, dirichlet, dirichlet_client, subject and site");
    divided = partition_rows(strata(source.train), source.train.subjects, partition, seed);
  }
  for (const auto& rows : divided)
    shares.clients.push_back(hold_out(rows, source.train.subjects, partition, seed,
                                      static_cast<std::int64_t>(shares.clients.size())));
  return shares;
}

}  // namespace afu::data
