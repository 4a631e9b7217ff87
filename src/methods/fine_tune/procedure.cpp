/// The baseline that only trains on: the target leaves and the others continue with a larger step for a while
/// ("fine-tune on the retained data").
#include <memory>

#include "methods/registry.hpp"
#include "train/train_job.hpp"

namespace afu::methods {
namespace {

class FineTune : public Procedure {
 public:
  explicit FineTune(const Request&) {}

  Step next(const View& view, const job::JobResult*) override {
    switch (stage_++) {
      case 0: {
        auto extras = std::make_shared<train::TrainExtras>();
        extras->lr_factor = view.settings->real("lr_factor");
        return Retune{std::move(extras)};
      }
      case 1:
        return AwaitUpdates{static_cast<std::uint64_t>(view.settings->integer("updates"))};
      case 2:
        return Retune{};
      case 3:
        return Forgotten{};
      default:
        return Done{};
    }
  }

 private:
  int stage_ = 0;
};

}  // namespace

Method fine_tune_method() {
  Method m;
  m.name = "fine_tune";
  m.help = "The target leaves; the others train on with a larger step for a while.";
  m.traits.scopes = {Scope::client, Scope::samples, Scope::data_class};
  m.options = {
      {"lr_factor", 3.0, "What training.lr is multiplied with meanwhile.", "", 0.0, 1000.0, true, {}},
      {"updates",
       std::int64_t{70},
       "For how many accepted updates; the model then counts as erased.",
       "updates",
       0,
       1e9,
       false,
       {}},
  };
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<FineTune>(r); };
  return m;
}

}  // namespace afu::methods
