/// Random labels at the target: the baseline that teaches the model wrong answers for what is to be forgotten
/// (Graves, Nagisetty & Ganesh, "Amnesiac machine learning", AAAI 2021).
#include <utility>

#include "methods/one_job.hpp"
#include "methods/registry.hpp"
#include "methods/relabel/job.hpp"

namespace afu::methods {
namespace {

Erase relabelling(const View& view, const Request& request) {
  RelabelJob job{forget_training(view, request, base::purpose("relabel"))};
  const auto passes = static_cast<double>(request.forget_count * job.training.epochs);
  return {std::move(job), passes, true};
}

Script relabel(Request request, const Now& now) {
  return erase_at_target(std::move(request), now, &relabelling);
}

}  // namespace

Method relabel_method() {
  Method m;
  m.name = "relabel";
  m.help = "The target trains on random wrong labels of what is to be forgotten.";
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  m.traits.needs_target = true;
  m.one_class =
      "it draws each sample's wrong label from the other classes, and a set of labels has no such others";
  m.traits.refusals = {{Scope::data_class, "one target computes the erasure on its own samples"}};
  m.options = forget_training_options(5.0);
  m.start = &scripted<&relabel>;
  m.jobs = {job::type_of<RelabelJob>()};
  return m;
}

}  // namespace afu::methods
