/// Subtract the target's history, then distil (Wu, Zhu, Mitra 2022; see README.md): the student starts from
/// the model without the target's contributions, the teacher is the model before the erasure, and the data
/// are the server's own calibration images. The history is subtracted as it is ("lazy"); the paper rejects
/// the alternative, `subtraction` = "rescaled", because it amplifies later skew.
#include <optional>
#include <string>
#include <utility>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/kd/job.hpp"
#include "methods/one_job.hpp"
#include "methods/registry.hpp"
#include "methods/shared.hpp"

namespace afu::methods {
namespace {

std::optional<Erase> distillation(const View& view, const Request& request) {
  if (!view.target || view.target->contributions == 0) return std::nullopt;
  const auto& settings = *view.settings;
  DistilJob job;
  job.teacher = view.model;
  if (view.model) job.student = without_target(view, settings.text("subtraction") == "rescaled");
  job.samples = view.environments;
  job.temperature = settings.real("temperature");
  job.hard_weight = settings.real("hard_weight");
  job.lr = settings.real("lr");
  job.final_lr = settings.real("final_lr");
  job.momentum = settings.real("momentum");
  job.epochs = settings.integer("epochs");
  job.batch_size = settings.integer("batch_size");
  job.key = {view.scenario->scenario.seed, base::purpose("kd"), request.client, request.index};
  const double passes = calibration_samples(view) * static_cast<double>(job.epochs + 1);
  return Erase{std::move(job), passes, false};
}

Script kd(Request request, const Now& now) { return erase_at_server(std::move(request), now, &distillation); }

void check(const config::Scenario& s, const config::Complain& complain) {
  if (everybody_asks(s))
    complain("unlearning.method",
             "\"kd\" distils on calibration images of clients that ask for no erasure, and all " +
                 std::to_string(s.partition.clients) + " ask");
}

}  // namespace

Method kd_method() {
  Method m;
  m.name = "kd";
  m.help = "Subtracts the target's history and distils the old model on the server's calibration images.";
  m.traits.needs.accumulator = true;
  m.traits.default_coordination = Coordination::blocking;
  m.traits.coordinations = {Coordination::blocking, Coordination::concurrent};
  m.traits.scopes = {Scope::client};
  m.traits.refusals = {{Scope::samples, "it subtracts the sum of a client's whole contributions"},
                       {Scope::data_class, "it subtracts the sum of a client's whole contributions"}};
  using namespace config;
  m.options = {
      choice(
          "subtraction", {"lazy", "rescaled"},
          "lazy: the target's history is taken out as it is, as in the paper. rescaled: the others' is then "
          "scaled by N / (N - 1), or 1 / (1 - the target's share), about the initial model. Rules that mix "
          "whole models always rescale."),
      number("temperature", 3.0, above(0, 100), "T of the distillation, T^2 KL(teacher / T || student / T)."),
      number("epochs", 5, from(0, 100000), "Passes over the calibration images.", "epochs"),
      number("batch_size", 64, from(1, 65536), "Batch size.", "samples"),
      number("lr", 0.01, above(0, 10), "Step size at the start."),
      number("final_lr", 0.001, above(0, 10), "Step size at the end; it falls geometrically."),
      number("momentum", 0.9, from(0, 0.999), "Momentum."),
      number("hard_weight", 0.1, from(0, 1e6), "Weight of the cross entropy with the images' own labels."),
  };
  m.check = &check;
  m.start = &scripted<&kd>;
  m.jobs = {job::type_of<DistilJob>()};
  return m;
}

}  // namespace afu::methods
