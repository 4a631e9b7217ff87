/// Random labels at the target: the baseline that teaches the model wrong answers for what is to be forgotten
/// (Graves, Nagisetty & Ganesh, "Amnesiac machine learning", AAAI 2021).
#include "config/scenario.hpp"
#include "engine/kernel_job.hpp"
#include "methods/calibration.hpp"
#include "methods/registry.hpp"

namespace afu::methods {
namespace {

class Relabel : public EraseAtTarget {
 public:
  using EraseAtTarget::EraseAtTarget;

 protected:
  Erase erase(const View& view) override {
    job::KernelJob job;
    job.kernel = "relabel";
    job.settings = *view.settings;
    job.inputs = {view.model};
    job.samples = {request().forget};
    job.key = {view.scenario->scenario.seed, base::purpose("relabel"), request().client, request().index};
    return {std::move(job), static_cast<double>(request().forget_count * view.settings->integer("epochs")),
            true};
  }
  MergeErasure merge(const View&, const job::JobResult* result) override {
    return {first_output(result), std::nullopt};
  }
};

}  // namespace

Method relabel_method() {
  Method m;
  m.name = "relabel";
  m.help = "The target trains on random wrong labels of what is to be forgotten.";
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  m.traits.needs_target = true;
  m.traits.refusals = {{Scope::data_class, "one target computes the erasure on its own samples"}};
  m.options = {
      {"lr", 0.01, "Learning rate.", "", 0.0, 10.0, true, {}},
      {"momentum", 0.9, "Momentum.", "", 0.0, 0.999, false, {}},
      {"clip_norm", 5.0, "Largest norm of a step's gradient; 0 turns clipping off.", "", 0.0, 1e9, false, {}},
      {"epochs", std::int64_t{1}, "Local epochs over the forget set.", "epochs", 1, 1000, false, {}},
      {"batch_size", std::int64_t{32}, "Batch size.", "samples", 1, 65536, false, {}},
  };
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<Relabel>(r); };
  return m;
}

}  // namespace afu::methods
