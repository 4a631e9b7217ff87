/// Maverick (Ong, Chan, MICCAI 2025; see README.md): the target alone makes the model insensitive to what is to be forgotten.
#include <utility>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/maverick/job.hpp"
#include "methods/one_job.hpp"
#include "methods/registry.hpp"

namespace afu::methods {
namespace {

Erase desensitising(const View& view, const Request& request) {
  const auto& s = *view.settings;
  MaverickJob job;
  job.training = forget_training(view, request, base::purpose("maverick"));
  job.min_sigma = s.real("min_sigma");
  job.max_sigma = s.real("max_sigma");
  job.draws = s.integer("draws");
  // A draw is a forward pass.
  const double each = 1 + static_cast<double>(job.draws) / 3;
  const auto passes = static_cast<double>(request.forget_count * job.training.epochs) * each;
  return {std::move(job), passes, true};
}

Script maverick(Request request, const Now& now) {
  return erase_at_target(std::move(request), now, &desensitising);
}

void check(const config::Scenario& s, const config::Complain& complain) {
  const auto& v = s.unlearning.methods.at("maverick");
  if (v.real("min_sigma") > v.real("max_sigma"))
    complain("unlearning.maverick.min_sigma", "it is above max_sigma, allowed is at most that");
}

}  // namespace

Method maverick_method() {
  Method m;
  m.name = "maverick";
  m.help =
      "The target lowers the ratio of the change of its answers to the noise on what is to be forgotten.";
  m.traits.default_coordination = Coordination::blocking;
  m.traits.coordinations = {Coordination::blocking, Coordination::concurrent};
  m.traits.needs_target = true;
  m.traits.refusals = {{Scope::data_class, "one target computes the erasure on its own samples"}};
  using namespace config;
  m.options = forget_training_options(0.0);
  m.options.push_back(
      number("min_sigma", 0.05, above(0, 10),
             "Least deviation of the noise on images in [-1, 1]; drawn evenly up to max_sigma."));
  m.options.push_back(number("max_sigma", 1.0, above(0, 10), "The largest."));
  m.options.push_back(number("draws", 20, from(1, 1000), "Draws of the noise for each batch.", "draws"));
  m.check = &check;
  m.start = &scripted<&maverick>;
  m.jobs = {job::type_of<MaverickJob>()};
  return m;
}

}  // namespace afu::methods
