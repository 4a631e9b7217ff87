/// NoT: the first layer's weights are negated, then training recovers (Khalil et al., CVPR 2025).
#include <utility>

#include "methods/not/job.hpp"
#include "methods/one_job.hpp"
#include "methods/registry.hpp"

namespace afu::methods {
namespace {

Script negate(Request request, const Now& now) {
  return erase_at_server(std::move(request), now, [](const View& view, const Request&) {
    return Erase{NegateFirstLayerJob{view.model}, 0, false};
  });
}

}  // namespace

Method not_method() {
  Method m;
  m.name = "not";
  m.help = "Negates the first layer's weights; the training that goes on recovers the rest.";
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  m.traits.scopes = {Scope::client, Scope::samples, Scope::data_class};
  m.start = &scripted<&negate>;
  m.jobs = {job::type_of<NegateFirstLayerJob>()};
  return m;
}

}  // namespace afu::methods
