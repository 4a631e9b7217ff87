#pragma once
/// Which versions of a run are attacked, and when their jobs can begin. It knows no actor: versions and
/// results in, jobs and rows out.
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "attack/plan.hpp"
#include "record/records.hpp"

namespace afu::attack {

/// Four points: "before": the version that the first request found; "merged": the first measured one that
/// contains the erasure, calibrated or not (of training that began again, and of a method that erases
/// nothing, the first that counts as forgotten); "plus16": the first measured 16 or more updates after it;
/// "final". Two points may be one version. A score taken only at the merge ranks gradient ascent as excellent
/// (src/methods/afu_ic/README.md, What prototypes showed).
class Campaign {
 public:
  struct Order {
    std::uint64_t number = 0;
    std::string name;
    job::Job job;
  };
  using Orders = std::vector<Order>;

  explicit Campaign(PlanPtr plan);

  /// The reference models; attacks wait until all of them have answered.
  Orders begin();
  /// A measured version, in the order of publication. `before`: the one that the first request found.
  Orders see(const record::MetricsRow& row, const model::ParametersPtr& model, bool before);
  /// The last version seen is the final one.
  Orders end();
  /// The result of an order.
  Orders take(std::uint64_t number, const job::JobResult& result);

  /// What is known since the last call, in the order of the points.
  std::vector<record::AttackRow> rows();
  /// Nothing is on its way.
  bool idle() const { return open_ == 0 && waiting_.empty(); }
  /// Names and models of the points, where the plan keeps them.
  const std::vector<std::pair<std::string, model::ParametersPtr>>& models() const { return models_; }

 private:
  struct Point {
    std::string name;
    record::MetricsRow row;
    bool done = false;
    std::map<std::string, double> figures{};
  };
  void mark(const std::string& name, const record::MetricsRow& row, const model::ParametersPtr& model);
  Orders ready();

  PlanPtr plan_;
  std::vector<std::vector<double>> references_;  ///< answers, by model
  std::size_t references_missing_ = 0;
  std::vector<Point> points_;
  std::deque<std::pair<std::size_t, model::ParametersPtr>> waiting_;  ///< points without an order yet
  std::map<std::uint64_t, std::size_t> attacks_, training_;           ///< orders: of which point, which model
  std::uint64_t numbers_ = 0, open_ = 0;
  std::size_t told_ = 0;  ///< points whose rows were given out
  std::vector<std::pair<std::string, model::ParametersPtr>> models_;
  model::ParametersPtr before_, latest_;
  record::MetricsRow latest_row_;
  std::uint64_t merged_at_ = 0;
  std::uint64_t found_epoch_ = 0, found_updates_ = 0;  ///< of "before"
  bool restarted_ = false;                             ///< the count of updates began again behind it
  bool has_before_ = false, has_merged_ = false, has_later_ = false;
};

}  // namespace afu::attack
