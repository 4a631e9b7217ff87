#include "methods/forget_training.hpp"

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/method.hpp"

namespace afu::methods {

std::vector<config::Option> forget_training_options(double clip_norm) {
  using namespace config;
  return {
      number("lr", 0.01, above(0, 10), "Learning rate."),
      number("momentum", 0.9, from(0, 0.999), "Momentum."),
      number("clip_norm", clip_norm, from(0, 1e9),
             "Largest norm of a step's gradient; 0 turns clipping off."),
      number("epochs", 1, from(1, 1000), "Local epochs over the forget set.", "epochs"),
      number("batch_size", 32, from(1, 65536), "Batch size.", "samples"),
  };
}

ForgetTraining forget_training(const View& view, const Request& request, std::uint64_t purpose) {
  const auto& settings = *view.settings;
  ForgetTraining t;
  t.base = view.model;
  t.forget = request.forget;
  t.sgd.lr = settings.real("lr");
  t.sgd.momentum = settings.real("momentum");
  t.sgd.clip_norm = settings.real("clip_norm");
  t.epochs = settings.integer("epochs");
  t.batch_size = settings.integer("batch_size");
  t.key = {view.scenario->scenario.seed, purpose, request.client, request.index};
  return t;
}

}  // namespace afu::methods
