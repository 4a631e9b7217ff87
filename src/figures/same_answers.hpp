#pragma once
/// Versions that give every test image the same answer: what they score says nothing of what they have learned.
#include <optional>
#include <string>
#include <vector>

#include "record/records.hpp"

namespace afu::figures {

/// "all test images have the same answer in 32 of 101 evaluated versions, the first is version 8 (after 8 updates), the last
/// one is among them: ..."; none where there is no such version. `rows` are in the order of their publication.
std::optional<std::string> same_answers_text(const std::vector<record::MetricsRow>& rows);

}  // namespace afu::figures
