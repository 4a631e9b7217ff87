#pragma once
/// The torch-free face of ParameterVector, for messages, actors and anything that only passes versions on.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace afu::model {

struct ParameterVector;
using ParametersPtr = std::shared_ptr<const ParameterVector>;

/// Bytes a transfer of `p` takes: parameters and buffers, float32. 0 for null.
std::int64_t byte_size(const ParametersPtr& p);

/// The values and buffers of `p` as bytes (little-endian float32, layout included), and back. Null <-> empty.
/// Throws std::runtime_error for bytes that are no parameter vector.
std::vector<std::uint8_t> to_bytes(const ParametersPtr& p);
ParametersPtr from_bytes(const std::vector<std::uint8_t>& bytes);

/// SHA-256 (hex) over the parameters' and buffers' bytes on the CPU. Empty string for null.
std::string sha256(const ParametersPtr& p);

}  // namespace afu::model
