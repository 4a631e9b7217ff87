#pragma once
/// FedAU: who may ask trains a second head along, on what it will ask to have forgotten.
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "methods/method.hpp"
#include "train/train_job.hpp"

namespace afu::federate {

class AuxiliaryHeads {
 public:
  explicit AuxiliaryHeads(const methods::Needs& needs) : needs_(needs) {}

  /// What the client's next task asks for. `request`: its first one that is still ahead.
  std::shared_ptr<const train::AuxiliaryHead> task(const methods::Request& request) const;
  /// The client's head after training; null: it was asked for none.
  void take(std::uint32_t client, const model::ParametersPtr& head);
  /// The last one; null: none yet.
  model::ParametersPtr find(std::uint32_t client) const;
  void forget(std::uint32_t client) { heads_.erase(client); }
  void reset() { heads_.clear(); }
  std::int64_t bytes() const;

 private:
  methods::Needs needs_;
  std::unordered_map<std::uint32_t, model::ParametersPtr> heads_;
};

}  // namespace afu::federate
