/// The baseline that only trains on: the target leaves and the others continue with a larger step for a while
/// ("fine-tune on the retained data").
#include <memory>
#include <utility>

#include "config/declare.hpp"
#include "methods/registry.hpp"
#include "methods/script.hpp"
#include "train/train_job.hpp"

namespace afu::methods {
namespace {

Script fine_tune(Request, const Now& now) {
  train::TrainExtras extras;
  extras.lr_factor = now->settings->real("lr_factor");
  co_yield Retune{std::make_shared<const train::TrainExtras>(extras)};
  co_yield AwaitUpdates{static_cast<std::uint64_t>(now->settings->integer("updates"))};
  co_yield Retune{};
  co_yield Forgotten{};
}

}  // namespace

Method fine_tune_method() {
  Method m;
  m.name = "fine_tune";
  m.help = "The target leaves; the others train on with a larger step for a while.";
  m.traits.scopes = {Scope::client, Scope::samples, Scope::data_class};
  using namespace config;
  m.options = {
      number("lr_factor", 3.0, above(0, 1000), "What training.lr is multiplied with meanwhile."),
      number("updates", 70, from(0, 1e9), "For how many accepted updates; the model then counts as erased.",
             "updates"),
  };
  m.start = &scripted<&fine_tune>;
  return m;
}

}  // namespace afu::methods
