#pragma once
/// The header of a .npy array (NumPy enhancement proposal 1 and numpy/lib/format.py: versions 1.0, 2.0, 3.0).
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace afu::data {

struct NpyHeader {
  char kind = 'u';
  std::int64_t item_size = 1;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::int64_t items = 1;  ///< product of the shape; items * item_size fits in 63 bits
};

/// Bytes of the fixed part: magic, version and the length of the text that follows, as version 2 and 3 have
/// it.
constexpr std::size_t npy_prefix_bytes = 12;

/// Where the text stands: its offset from the member's start and its length. `prefix` holds the member's
/// first npy_prefix_bytes bytes (`size` of them, fewer where the member is shorter). Throws
/// std::runtime_error.
struct NpyTextSpan {
  std::size_t offset = 0, length = 0;
};
NpyTextSpan npy_text_span(const unsigned char* prefix, std::size_t size);

/// Parses the text, a Python dictionary with exactly the keys descr, fortran_order and shape. Throws
/// std::runtime_error.
NpyHeader parse_npy_text(const std::string& text);

}  // namespace afu::data
