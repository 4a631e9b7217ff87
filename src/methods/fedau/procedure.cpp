/// FedAU (Gu et al. 2024; see README.md): a client that may ask trains a second head along, on random labels
/// for what it may ask to have forgotten; on request the server mixes that head into the model's. Nobody
/// waits. The released code lets that head's loss train the shared layers too, which is the default;
/// `backbone` = false keeps it to the head. FedQUIT's port trains the head after the fact (`post_hoc`).
#include <memory>
#include <optional>
#include <utility>

#include "config/scenario.hpp"
#include "engine/kernel_job.hpp"
#include "methods/registry.hpp"
#include "methods/server_erasure.hpp"

namespace afu::methods {
namespace {

/// The authors' form.
class MixHeads : public EraseAtServer {
 public:
  using EraseAtServer::EraseAtServer;

 protected:
  std::optional<Erase> erase(const View& view) override {
    if (view.model && !view.auxiliary) return std::nullopt;  // the client never trained
    job::KernelJob job;
    job.kernel = "fedau_merge";
    job.settings = *view.settings;
    job.inputs = {view.model, view.auxiliary};
    std::optional<Erase> work(std::in_place);
    work->job = std::move(job);
    return work;
  }
};

/// FedQUIT's port: the head is trained at the target once it asks.
class TrainHead : public EraseAtTarget {
 public:
  using EraseAtTarget::EraseAtTarget;

 protected:
  Erase erase(const View& view) override {
    job::KernelJob job;
    job.kernel = "fedau_post_hoc";
    job.settings = *view.settings;
    job.inputs = {view.model};
    job.samples = {request().forget};
    job.key = {view.scenario->scenario.seed, base::purpose("fedau"), request().client, request().index};
    // One forward pass: the backbone is frozen, and its features are computed once.
    return {std::move(job), static_cast<double>(request().forget_count) / 3, true};
  }
  MergeErasure merge(const View&, const job::JobResult* result) override {
    return {first_output(result), std::nullopt};
  }
};

class FedAu : public Procedure {
 public:
  explicit FedAu(Request request) : request_(std::move(request)) {}
  Step next(const View& view, const job::JobResult* result) override {
    if (!form_) {
      if (view.settings->flag("post_hoc"))
        form_ = std::make_unique<TrainHead>(request_);
      else
        form_ = std::make_unique<MixHeads>(request_);
    }
    return form_->next(view, result);
  }

 private:
  Request request_;
  std::unique_ptr<Procedure> form_;
};

void check(const config::Scenario& s, const config::Complain& complain) {
  if (s.model.name == "torchscript")
    complain("model.name",
             "\"torchscript\" has no separable head, which the method \"fedau\" needs; allowed are \"cnn\", "
             "\"cnn_small\", \"lenet\", \"cnn_mnist\", \"resnet18\", \"mlp\", \"logreg\"");
}

Needs needs(const config::Values& settings) {
  Needs n;
  n.auxiliary_head = !settings.flag("post_hoc");
  n.auxiliary_gamma = settings.real("gamma");
  n.auxiliary_backbone = settings.flag("backbone");
  return n;
}

}  // namespace

Method fedau_method() {
  Method m;
  m.name = "fedau";
  m.help = "Mixes a head that the target trained along on random labels into the model's head.";
  m.traits.needs.auxiliary_head = true;
  m.traits.refusals = {{Scope::data_class, "the auxiliary head is trained by the one client that may ask"}};
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  m.options = {
      {"alpha", 0.9, "Weight of the auxiliary head in the new one.", "", 0.0, 1.0, false, {}},
      {"gamma",
       0.5,
       "Whole client: a task's auxiliary head starts from (1 - gamma) main head + gamma last auxiliary head.",
       "",
       0.0,
       1.0,
       false,
       {}},
      {"backbone",
       true,
       "Whether the auxiliary head's loss trains the shared layers too, as in the released code.",
       "",
       0.0,
       1.0,
       false,
       {}},
      {"post_hoc",
       false,
       "Train the head at the target on request instead of during training (FedQUIT's port).",
       "",
       0.0,
       1.0,
       false,
       {}},
      {"post_hoc_alpha", 0.96, "post_hoc: weight of that head in the new one.", "", 0.0, 1.0, false, {}},
      {"head_epochs",
       std::int64_t{10},
       "post_hoc: epochs over the forget set.",
       "epochs",
       1,
       1000,
       false,
       {}},
      {"head_lr", 0.1, "post_hoc: learning rate of the head.", "", 0.0, 10.0, true, {}},
      {"batch_size", std::int64_t{32}, "post_hoc: batch size.", "samples", 1, 65536, false, {}},
  };
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<FedAu>(r); };
  m.needs = needs;
  m.check = check;
  return m;
}

}  // namespace afu::methods
