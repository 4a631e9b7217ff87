#pragma once
/// Whose updates the published model holds: what is lost where a request puts another model in its place.
#include <cstdint>
#include <functional>
#include <vector>

namespace afu::federate {

/// The one place that says what record::ErasureRecord::updates_lost counts. An update is *lost* by a request where it was
/// merged, its client stays, and the model that the request puts in the published one's place is computed from a version
/// without it: what it did is gone, and training has to do it again. So a retraining loses all that were merged before it,
/// a roll-back those since the version that it goes back to, a model that is computed from a snapshot and then assigned
/// those since the snapshot; a merge of an erasure, which adds to the version that stands, loses none. Updates that were
/// never merged, since they were refused, late or still buffered, are `lost_updates`.
class MergedUpdates {
 public:
  using Who = std::function<bool(std::uint32_t client)>;

  /// An update of the client is in this version, and was in none before; versions come in ascending order.
  void merged(std::uint32_t client, std::uint64_t version) { held_.push_back({version, client}); }
  /// The published model holds, of the updates of those whom `among` names, none any more that was merged after the
  /// version `holds`. Returns how many of these are of clients that `stays` names: each is counted once.
  std::int64_t lose(std::uint64_t holds, const Who& among, const Who& stays);

 private:
  struct Merged {
    std::uint64_t version;
    std::uint32_t client;
  };
  std::vector<Merged> held_;  ///< by version, ascending
};

}  // namespace afu::federate
