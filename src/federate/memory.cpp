#include "federate/memory.hpp"

#include <utility>

namespace afu::federate {

Memory::Memory(const methods::Needs& needs, std::vector<std::uint32_t> asking, const aggregate::Rule& rule,
               std::size_t clients)
    : ledger_(needs, asking, rule.whole_model()),
      history_(needs.history, std::move(asking), rule.synchronous() ? 0 : clients),
      keeps_bases_(rule.whole_model() || needs.last_update) {}

TaskBase Memory::base(const ParametersPtr& model, const aggregate::Rule& rule) const {
  return {model, rule.whole_model() ? ledger_.snapshot() : std::vector<ParametersPtr>{}};
}

void Memory::forget(std::uint32_t client) {
  ledger_.forget(client);
  history_.forget(client);
}

void Memory::reset() {
  ledger_.reset();
  history_.reset();
}

}  // namespace afu::federate
