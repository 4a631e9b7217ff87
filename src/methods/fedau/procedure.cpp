/// FedAU (Gu et al. 2024; see README.md): a client that may ask trains a second head along, on random labels
/// for what it may ask to have forgotten; on request the server mixes that head into the model's. Nobody
/// waits. The released code lets that head's loss train the shared layers too, which is the default;
/// `backbone` = false keeps it to the head. FedQUIT's port trains the head after the fact (`post_hoc`).
#include <optional>
#include <utility>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/fedau/job.hpp"
#include "methods/one_job.hpp"
#include "methods/registry.hpp"

namespace afu::methods {
namespace {

/// The authors' form.
std::optional<Erase> mix_heads(const View& view, const Request&) {
  if (view.model && !view.auxiliary) return std::nullopt;  // the client never trained
  FedauMergeJob job{view.model, view.auxiliary, view.settings->real("alpha")};
  return Erase{std::move(job), 0, false};
}

/// FedQUIT's port: the head is trained at the target once it asks.
Erase train_head(const View& view, const Request& request) {
  const auto& settings = *view.settings;
  FedauPostHocJob job;
  job.base = view.model;
  job.forget = request.forget;
  job.alpha = settings.real("post_hoc_alpha");
  job.lr = settings.real("head_lr");
  job.epochs = settings.integer("head_epochs");
  job.batch_size = settings.integer("batch_size");
  job.key = {view.scenario->scenario.seed, base::purpose("fedau"), request.client, request.index};
  // One forward pass: the backbone is frozen, and its features are computed once.
  return {std::move(job), static_cast<double>(request.forget_count) / 3, true};
}

Script fedau(Request request, const Now& now) {
  if (now->settings->flag("post_hoc"))
    co_await erase_at_target(std::move(request), now, &train_head);
  else
    co_await erase_at_server(std::move(request), now, &mix_heads);
}

void check(const config::Scenario& s, const config::Complain& complain) {
  if (config::traits(s.model.name).imported)
    complain("model.name",
             "\"torchscript\" has no separable head, which the method \"fedau\" needs; allowed are \"cnn\", "
             "\"cnn_small\", \"lenet\", \"cnn_mnist\", \"resnet18\", \"resnet50\", \"mlp\", \"logreg\"");
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
  m.one_class = "its auxiliary head is trained on a random class of each sample";
  m.traits.refusals = {{Scope::data_class, "the auxiliary head is trained by the one client that may ask"}};
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  using namespace config;
  m.options = {
      number("alpha", 0.9, from(0, 1), "Weight of the auxiliary head in the new one."),
      number(
          "gamma", 0.5, from(0, 1),
          "Whole client: a task's auxiliary head starts from (1 - gamma) main head + gamma last auxiliary head."),
      flag("backbone", true,
           "Whether the auxiliary head's loss trains the shared layers too, as in the released code."),
      flag("post_hoc", false,
           "Train the head at the target on request instead of during training (FedQUIT's port)."),
      number("post_hoc_alpha", 0.96, from(0, 1), "post_hoc: weight of that head in the new one."),
      number("head_epochs", 10, from(1, 1000), "post_hoc: epochs over the forget set.", "epochs"),
      number("head_lr", 0.1, above(0, 10), "post_hoc: learning rate of the head."),
      number("batch_size", 32, from(1, 65536), "post_hoc: batch size.", "samples"),
  };
  m.start = &scripted<&fedau>;
  m.jobs = {job::type_of<FedauMergeJob>(), job::type_of<FedauPostHocJob>()};
  m.needs = needs;
  m.check = check;
  return m;
}

}  // namespace afu::methods
