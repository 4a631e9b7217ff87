#include "federate/auxiliary_heads.hpp"
#include "train/train_job.hpp"

#include <utility>

namespace afu::federate {

std::shared_ptr<const train::AuxiliaryHead> AuxiliaryHeads::task(const methods::Request& request) const {
  if (!request.forget) return nullptr;
  train::AuxiliaryHead a;
  a.relabelled = request.forget;
  a.gamma = request.scope == methods::Scope::client ? needs_.auxiliary_gamma : 1.0;
  a.backbone = needs_.auxiliary_backbone;
  a.head = find(request.client);
  return std::make_shared<const train::AuxiliaryHead>(std::move(a));
}

void AuxiliaryHeads::take(std::uint32_t client, const model::ParametersPtr& head) {
  if (head) heads_[client] = head;
}

model::ParametersPtr AuxiliaryHeads::find(std::uint32_t client) const {
  const auto i = heads_.find(client);
  return i == heads_.end() ? nullptr : i->second;
}

std::int64_t AuxiliaryHeads::bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [client, head] : heads_) bytes += model::byte_size(head);
  return bytes;
}

}  // namespace afu::federate
