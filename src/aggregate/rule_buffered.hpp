#pragma once
/// What the rules share that hold updates back until several are merged at a time.
#include <vector>

#include "aggregate/rule.hpp"
#include "engine/combine_job.hpp"

namespace afu::aggregate {

/// The buffer, and the server's momentum (FLSim's server optimiser): with c_i the coefficients of a plan,
/// m <- beta m + sum c_i delta_i, w <- w + m. m holds the server's step size, as c_i do. Buffers of the model
/// (BatchNorm) have no momentum.
class Buffered : public Rule {
 public:
  explicit Buffered(config::Rule name, double server_momentum = 0) : Rule(name), beta_(server_momentum) {}

  /// m is a sum over all clients: it begins anew at zero when one is to be forgotten.
  std::int64_t forget(std::uint32_t client) override;
  std::size_t buffered() const override { return buffer_.size(); }
  void reset() override;
  void extend(const MergePlan& plan, engine::CombineJob& job) override;
  void apply(const MergePlan& plan, const std::vector<model::ParametersPtr>& outputs,
             std::size_t first_output) override;

 protected:
  /// Empties the buffer into a plan, whose coefficients are still 0.
  MergePlan take();

  std::vector<Arrival> buffer_;

 private:
  double beta_;
  model::ParametersPtr momentum_;  ///< m; null: zero
};

}  // namespace afu::aggregate
