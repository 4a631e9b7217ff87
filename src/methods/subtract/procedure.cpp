/// Takes all contributions of the target out, exactly as they are accounted for, and does nothing else
/// (src/aggregate/README.md, Ledger): w - S_u with rules that add differences, (w - A_u)/(1 - m_u) with rules
/// that mix whole models.
#include "methods/calibration.hpp"
#include "methods/registry.hpp"

namespace afu::methods {
namespace {

class Subtract : public Procedure {
 public:
  explicit Subtract(const Request&) {}

  Step next(const View& view, const job::JobResult*) override {
    switch (stage_++) {
      case 0:
        if (view.target && view.target->contributions > 0) return MergeErasure{nullptr, std::nullopt, true};
        ++stage_;  // it never took part: nothing of it is in the model
        [[fallthrough]];
      case 1:
        return Forgotten{};
      default:
        return Done{};
    }
  }

 private:
  int stage_ = 0;
};

}  // namespace

Method subtract_method() {
  Method m;
  m.name = "subtract";
  m.help = "Takes the target's accumulated contributions out of the model, and nothing else.";
  m.traits.needs.accumulator = true;
  m.traits.scopes = {Scope::client};
  m.traits.refusals = {{Scope::samples, "it subtracts the sum of a client's whole contributions"},
                       {Scope::data_class, "it subtracts the sum of a client's whole contributions"}};
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<Subtract>(r); };
  return m;
}

}  // namespace afu::methods
