#pragma once
/// Parameter vectors as a NumPy archive, for audit/.
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "model/parameters_fwd.hpp"

namespace afu::model {

/// Of each, under its name, the parameters, float32 [d]; where there are buffers, these as NAME.buffers. Null
/// vectors are left out; without any that is not null no file is written. Throws as record::write_npz does.
void write_vectors(const std::filesystem::path& path,
                   const std::vector<std::pair<std::string, ParametersPtr>>& vectors);

/// Where each parameter and buffer lies in such a vector, as JSON: {"parameters": [{"name", "shape",
/// "offset", "size"}, ...], "buffers": [...]}. Offsets and sizes are in elements.
std::string layout_json(const ParametersPtr& vector);

}  // namespace afu::model
