#pragma once
/// What the method has the server remember of the training: single clients' contributions, and the rounds.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "aggregate/history.hpp"
#include "aggregate/ledger.hpp"
#include "aggregate/rule.hpp"
#include "federate/progress.hpp"
#include "federate/tasks.hpp"
#include "methods/method.hpp"

namespace afu::federate {

class Memory {
 public:
  /// `asking`: clients that may ask, ascending. `rule`: the training rule, with so many clients.
  Memory(const methods::Needs& needs, std::vector<std::uint32_t> asking, const aggregate::Rule& rule,
         std::size_t clients);

  /// Whether tasks that are handed out must be kept (`base`).
  bool keeps_bases() const { return keeps_bases_; }
  TaskBase base(const ParametersPtr& model, const aggregate::Rule& rule) const;

  aggregate::Ledger& ledger() { return ledger_; }
  const aggregate::Ledger& ledger() const { return ledger_; }
  aggregate::History& history() { return history_; }
  const aggregate::History& history() const { return history_; }

  /// Everything derived from the client's data.
  void forget(std::uint32_t client);
  /// Of that all but the ledger's entry.
  void forget_rounds(std::uint32_t client) { history_.forget(client); }
  void reset();
  std::int64_t bytes() const { return ledger_.bytes() + history_.bytes(); }

 private:
  aggregate::Ledger ledger_;
  aggregate::History history_;
  bool keeps_bases_ = false;
};

}  // namespace afu::federate
