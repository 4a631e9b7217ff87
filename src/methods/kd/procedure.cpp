/// Subtract the target's history, then distil (Wu, Zhu, Mitra 2022; see README.md): the student starts from
/// the model without the target's contributions, the teacher is the model before the erasure, and the data
/// are the server's own calibration images. The history is subtracted as it is ("lazy"); the paper rejects
/// the alternative, `subtraction` = "rescaled", because it amplifies later skew.
#include <string>

#include "config/scenario.hpp"
#include "engine/kernel_job.hpp"
#include "methods/registry.hpp"
#include "methods/server_erasure.hpp"

namespace afu::methods {
namespace {

class Distil : public EraseAtServer {
 public:
  using EraseAtServer::EraseAtServer;

 protected:
  std::optional<Erase> erase(const View& view) override {
    if (!view.target || view.target->contributions == 0) return std::nullopt;
    job::KernelJob job;
    job.kernel = "distil";
    job.settings = *view.settings;
    job.key = {view.scenario->scenario.seed, base::purpose("kd"), request().client, request().index};
    job.samples = view.environments;
    if (view.model) {
      job.inputs = {view.model};
      job.derived = {without_target(view, view.settings->text("subtraction") == "rescaled")};
    }
    double samples = 0;
    for (const auto& e : view.environments) samples += static_cast<double>(e->size());
    if (view.environments.empty())  // timing-only: the cost is known, the data are not
      samples = static_cast<double>(view.scenario->calibration.samples_per_environment * (view.clients - 1));
    return Erase{std::move(job), samples * static_cast<double>(view.settings->integer("epochs") + 1), false};
  }
};

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
  m.options = {
      {"subtraction",
       std::string{"lazy"},
       "lazy: the target's history is taken out as it is, as in the paper. rescaled: the others' is then "
       "scaled by N / (N - 1), or 1 / (1 - the target's share), about the initial model. Rules that mix "
       "whole models always rescale.",
       "",
       0,
       0,
       false,
       {"lazy", "rescaled"}},
      {"temperature",
       3.0,
       "T of the distillation, T^2 KL(teacher / T || student / T).",
       "",
       0.0,
       100.0,
       true,
       {}},
      {"epochs", std::int64_t{5}, "Passes over the calibration images.", "epochs", 0, 100000, false, {}},
      {"batch_size", std::int64_t{64}, "Batch size.", "samples", 1, 65536, false, {}},
      {"lr", 0.01, "Step size at the start.", "", 0.0, 10.0, true, {}},
      {"final_lr", 0.001, "Step size at the end; it falls geometrically.", "", 0.0, 10.0, true, {}},
      {"momentum", 0.9, "Momentum.", "", 0.0, 0.999, false, {}},
      {"hard_weight",
       0.1,
       "Weight of the cross entropy with the images' own labels.",
       "",
       0.0,
       1e6,
       false,
       {}},
  };
  m.check = &check;
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<Distil>(r); };
  return m;
}

}  // namespace afu::methods
