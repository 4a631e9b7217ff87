#pragma once
/// What a training task carries beside its model, as bytes (CBOR), for messages that leave the process.
#include <cstdint>
#include <memory>
#include <vector>

#include "job/job.hpp"

namespace afu::job {

/// Null <-> empty. `from_bytes` throws std::runtime_error for bytes that are no such value.
std::vector<std::uint8_t> to_bytes(const std::shared_ptr<const TrainExtras>& extras);
std::vector<std::uint8_t> to_bytes(const std::shared_ptr<const AuxiliaryHead>& auxiliary);
void from_bytes(const std::vector<std::uint8_t>& bytes, std::shared_ptr<const TrainExtras>& extras);
void from_bytes(const std::vector<std::uint8_t>& bytes, std::shared_ptr<const AuxiliaryHead>& auxiliary);

}  // namespace afu::job
