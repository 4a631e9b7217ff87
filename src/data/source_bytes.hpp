#pragma once
/// A source but its pixels, as bytes, and back: what the file of decoded images tells of them.
#include <string>
#include <string_view>

#include "data/dataset.hpp"

namespace afu::data {

/// Of its notes, those from `first_note` on.
std::string source_bytes(const Source& source, std::size_t first_note);

/// Its splits have sizes and no pixels. Throws std::runtime_error for bytes that are no source.
Source source_of_bytes(std::string_view bytes);

}  // namespace afu::data
