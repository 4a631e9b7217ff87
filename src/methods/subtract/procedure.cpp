/// Takes all contributions of the target out, exactly as they are accounted for, and does nothing else
/// (src/aggregate/README.md, Ledger): w - S_u with rules that add differences, (w - A_u)/(1 - m_u) with rules
/// that mix whole models.
#include "methods/registry.hpp"
#include "methods/script.hpp"

namespace afu::methods {
namespace {

Script subtract(Request, const Now& now) {
  if (now->target && now->target->contributions > 0) {  // else nothing of it is in the model
    MergeErasure merge;
    merge.by_accumulator = true;
    co_yield merge;
  }
  co_yield Forgotten{};
}

}  // namespace

Method subtract_method() {
  Method m;
  m.name = "subtract";
  m.help = "Takes the target's accumulated contributions out of the model, and nothing else.";
  m.traits.needs.accumulator = true;
  m.traits.scopes = {Scope::client};
  m.traits.refusals = {{Scope::samples, "it subtracts the sum of a client's whole contributions"},
                       {Scope::data_class, "it subtracts the sum of a client's whole contributions"}};
  m.start = &scripted<&subtract>;
  return m;
}

}  // namespace afu::methods
