#pragma once
/// Files from outside, opened with care: a name may lead to a FIFO, on which a reader would wait for ever, or
/// to a device that never ends.
#include <cstdint>
#include <string>
#include <vector>

namespace afu::data {

/// Throws DataError unless `path` leads to a regular file. It does not wait, whatever the path leads to.
void require_regular_file(const std::string& path);

/// The first `most` bytes of a regular file, or all where it has fewer. Throws DataError likewise.
std::vector<std::uint8_t> read_head(const std::string& path, std::size_t most);

/// The whole of a regular file. Throws DataError, which names it, where it is none, cannot be read, or holds
/// more than `most` bytes.
std::vector<std::uint8_t> read_regular_file(const std::string& path, std::uint64_t most);

}  // namespace afu::data
