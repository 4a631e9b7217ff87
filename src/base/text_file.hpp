#pragma once
/// Text that a user names: read whole, and only where that comes to an end.
#include <cstddef>
#include <string>

namespace afu::base {

/// No scenario, study or trace is longer.
inline constexpr std::size_t most_text_bytes = 256u << 20;

/// Reads `file`. Returns what is wrong with it instead ("no such file", ...), or nothing. A pipe or device is
/// read where `pipes` (a file given on the command line may be one), and is an error otherwise: reading it
/// may never end.
std::string read_text_file(const std::string& file, std::string& text, bool pipes = false);

}  // namespace afu::base
