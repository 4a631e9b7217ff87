/// The client just leaves ("natural forgetting"): the control of every study. Of a class: everybody trains on
/// without its samples from the request on, as under every method, and nothing is done to the model.
#include "methods/registry.hpp"

namespace afu::methods {
namespace {
class None : public Procedure {
  Step next(const View&, const job::JobResult*) override { return Done{}; }
};
}  // namespace

Method none_method() {
  Method m;
  m.name = "none";
  m.help =
      "The client leaves and nothing is erased; of a class, all go on without its samples, as with every "
      "method.";
  m.traits.scopes = {Scope::client, Scope::samples, Scope::data_class};
  m.start = [](const Request&) -> std::unique_ptr<Procedure> { return std::make_unique<None>(); };
  return m;
}

}  // namespace afu::methods
