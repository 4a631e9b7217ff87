/// The client just leaves ("natural forgetting"): the control of every study. Of a class: everybody trains on
/// without its samples from the request on, as under every method, and nothing is done to the model.
#include "methods/registry.hpp"
#include "methods/script.hpp"

namespace afu::methods {
namespace {

Script none(Request, const Now&) { co_return; }

}  // namespace

Method none_method() {
  Method m;
  m.name = "none";
  m.help =
      "The client leaves and nothing is erased; of a class, all go on without its samples, as with every "
      "method.";
  m.traits.scopes = {Scope::client, Scope::samples, Scope::data_class};
  m.start = &scripted<&none>;
  return m;
}

}  // namespace afu::methods
