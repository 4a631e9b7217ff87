#pragma once
/// Every cell's figures, and the arms compared over their seeds (src/metrics/README.md, Time of an erasure to
/// Across seeds).
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "figures/blame.hpp"
#include "figures/outcome_figures.hpp"
#include "figures/paired.hpp"
#include "figures/rebound.hpp"
#include "figures/service.hpp"
#include "figures/study_data.hpp"

namespace afu::figures {

/// Of a completed run. Where a run served several requests, latency, downtime and throughput are means over
/// them and the curves begin with the first.
struct CellFigures {
  bool restarted = false;  ///< it began again from the initial model
  bool erased = false;     ///< every request led to a published model without the influence
  /// From the request to the first erased model: to `forgotten_at` where training restarted, else to
  /// `merged_at`. Absent where neither an event log nor the rows' count of updates tells which it was.
  std::optional<double> latency;
  std::vector<double> latencies;  ///< one a request served
  /// From the last request to the first published version that is erased and useful and stays so ("passes" in
  /// src/metrics/README.md, Time of an erasure). Erased: its attack success (forget accuracy where nothing
  /// attacks) is at most the reference's late one and the declared margin. Useful: its balanced accuracy
  /// (test accuracy where that is not measured) is at least, less the declared margin, the lesser of the
  /// reference's late one and of what the run had before the first request, and at least by the margin above a
  /// constant classifier's, where the run tells that. Absent where none was, and where it cannot be told.
  std::optional<double> passing;
  bool passing_known = false;  ///< whether it can be told: both of run and reference have the figures
  std::optional<double> downtime;
  std::optional<double> throughput;  ///< paired with the run in which the client just leaves, if there is
  bool throughput_paired = false;
  Throughput accepted;
  record::Figures late;   ///< of the last versions
  record::Figures first;  ///< of 0+, the first published version that contains the erasure (rebound.hpp)
  /// At the end of the protocol's rounds: means over the last five of them. Without a protocol: late.
  record::Figures settled;
  std::optional<double> last_request, last_erased;  ///< on the run's clock; nothing unless all were erased
  double client_passes = 0, server_passes = 0, stored_bytes = 0;
  std::optional<double> updates_lost;  ///< over all requests; absent where one does not tell it
  /// From the first erased model on (or from the request, where nothing is erased); of the attack's success
  /// rate.
  RoundCurve curve;
  Rebound rebound;
  Excess excess;  ///< over the reference of the same group and seed; empty curve: there is none
  std::vector<RoundBlame> rounds;       ///< empty without an event log
  std::optional<double> round_seconds;  ///< their mean duration up to the first request
  bool has_log = false;                 ///< an event log was there
  std::size_t round_updates = 0;        ///< accepted updates of a round; 0: not known
  ServedCurve served;                   ///< of the accuracy that Analysis::utility tells
  std::optional<Service> service;       ///< over the same time as of all arms of its seed
  std::string without_service;          ///< why there is none
};

/// The metric that tells of a published version whether it is useful (CellFigures::passing): balanced
/// accuracy, or test accuracy where the reference has no other; null where it has none with a margin.
const Metric* utility_of(const record::Figures& reference, const StatisticsPlan& plan);

/// Figures of a single run. `plan.round_updates` 0: as many as the log has retained clients; `late`: see
/// StatisticsPlan::late_evaluations.
CellFigures figures_of(const Run& run, const ReboundPlan& plan, std::size_t late);

/// One arm's difference to the reference in one metric at the end, over the seeds that both completed.
struct Comparison {
  std::size_t arm = 0;
  const Metric* metric = nullptr;
  Paired paired;
  std::optional<double> holm_p;            ///< for metrics of the declared family
  std::optional<Equivalence> equivalence;  ///< for metrics with a margin
};

/// A moment of a run that its figures are of.
enum class Moment {
  first,    ///< 0+
  settled,  ///< after the protocol's rounds
  late      ///< at the end
};
/// Those that claim (a) is judged at.
inline constexpr Moment judged_moments[] = {Moment::first, Moment::settled};
/// "at once", "after 50 rounds", "at the end"
std::string moment_text(Moment moment, const ReboundPlan& plan);
const record::Figures& figures_at(const CellFigures& f, Moment moment);

class Analysis {
 public:
  /// A completed cell with a file that cannot be used becomes one that failed, for that reason.
  explicit Analysis(Study study);

  using Values = std::map<std::uint64_t, double>;  ///< by seed
  using Figure = std::function<std::optional<double>(const Cell&, const CellFigures&)>;
  Values values(std::size_t group, std::size_t arm, const Figure& figure) const;
  Values values(std::size_t group, std::size_t arm, const Metric& metric, Moment moment = Moment::late) const;

  /// Every arm but the reference x every metric. Holm's family is all of `family` x all these arms, of this
  /// group.
  const std::vector<Comparison>& comparisons(std::size_t group) const { return comparisons_[group]; }
  const Comparison& comparison(std::size_t group, std::size_t arm, const Metric& metric) const;
  /// Of a cell of study(). Null unless it completed.
  const CellFigures* figures(const Cell& cell) const;
  const Study& study() const { return study_; }
  /// What service is measured in, in all cells: balanced accuracy, of which a constant classifier has little;
  /// test accuracy where no cell has that.
  const Metric& utility() const { return *utility_; }
  /// Its margin; absent: the study has none.
  std::optional<double> utility_margin() const { return study_.statistics.margin(utility_->name); }

  /// Completed cells of an arm for which `has` is false.
  using Has = std::function<bool(const Cell&, const CellFigures&)>;
  std::vector<const Cell*> lacking(std::size_t group, std::size_t arm, const Has& has) const;
  /// Why a metric of an arm, or of the reference it is held against, cannot be judged: "cells/a/seed=1 has no
  /// attack success rate (metrics.csv:7: ...)", for each completed cell without the figure at one of the
  /// moments. Empty: all have it, or none of the study measures it.
  std::vector<std::string> unjudged(std::size_t group, std::size_t arm, const Metric& metric) const;

 private:
  void compare(std::size_t group);
  void pair(std::size_t cell);
  void serve(std::size_t group, std::uint64_t seed);
  Study study_;
  const Metric* utility_ = nullptr;
  std::vector<std::optional<CellFigures>> figures_;  ///< of study.cells
  std::vector<std::vector<Comparison>> comparisons_;
};

/// The values of both at the seeds that both have, in the order of seeds.
struct Pairs {
  std::vector<double> a, b;
};
Pairs pairs(const Analysis::Values& a, const Analysis::Values& b);
std::vector<double> list(const Analysis::Values& values);

}  // namespace afu::figures
