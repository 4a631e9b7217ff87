#pragma once
/// Which cluster is the most accurate on the calibration images, where that one's model is published
/// (methods::ClusterNeeds::best).
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace afu::federate {

class BestCluster {
 public:
  /// What counts of a cluster here.
  struct Standing {
    bool populated = false;       ///< somebody who stays is in it
    std::uint64_t published = 0;  ///< how many versions its model has had
    std::uint64_t since = 0;      ///< version of its last roll-back
  };
  using Standings = std::vector<Standing>;

  /// Whose model is published; none: the clusters' mean is.
  std::optional<std::size_t> best() const { return best_; }
  /// Clusters whose models are new since they were last asked about; none while an answer is awaited.
  std::vector<std::size_t> ask(const Standings& now);
  /// Their accuracies, in that order; empty in timing-only runs. What a roll-back has overtaken does not
  /// count.
  void answered(const std::vector<double>& accuracies, const Standings& now);
  /// The most accurate cluster, the first of several, where that is another one than before: it is to be
  /// published.
  std::optional<std::size_t> choose(const Standings& now);
  /// The cluster's model is, or is about to be, another one by a roll-back: its accuracy counts no more.
  void distrust(std::size_t cluster, const Standings& now);
  /// One that nobody is left in is the best no more.
  void recount(const Standings& now);

 private:
  struct Known {
    std::uint64_t asked = 0;         ///< Standing::published when it was last asked about
    std::optional<double> accuracy;  ///< as last answered
  };
  struct Asked {
    std::size_t cluster;
    std::uint64_t since;  ///< Standing::since then
  };
  std::optional<std::size_t> most_accurate(const Standings& now) const;

  std::vector<Known> known_;
  std::vector<Asked> asked_;
  std::optional<std::size_t> best_;
};

}  // namespace afu::federate
