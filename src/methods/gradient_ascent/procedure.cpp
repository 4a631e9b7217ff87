/// Plain gradient ascent on the forget set at the target: the baseline that looks excellent at the merge and
/// rebounds (src/methods/afu_ic/README.md, What prototypes showed).
#include <utility>

#include "methods/gradient_ascent/job.hpp"
#include "methods/one_job.hpp"
#include "methods/registry.hpp"

namespace afu::methods {
namespace {

Erase ascent(const View& view, const Request& request) {
  GradientAscentJob job{forget_training(view, request, base::purpose("gradient_ascent"))};
  const auto passes = static_cast<double>(request.forget_count * job.training.epochs);
  return {std::move(job), passes, true};
}

Script gradient_ascent(Request request, const Now& now) {
  return erase_at_target(std::move(request), now, &ascent);
}

}  // namespace

Method gradient_ascent_method() {
  Method m;
  m.name = "gradient_ascent";
  m.help = "The target ascends the loss of what is to be forgotten.";
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  m.traits.needs_target = true;
  m.traits.refusals = {{Scope::data_class, "one target computes the erasure on its own samples"}};
  m.options = forget_training_options(1.0);
  m.start = &scripted<&gradient_ascent>;
  m.jobs = {job::type_of<GradientAscentJob>()};
  return m;
}

}  // namespace afu::methods
