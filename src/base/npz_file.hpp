#pragma once
/// NumPy archives, written: a zip whose members are stored, not packed, and have no times, so that the same
/// arrays are the same bytes. data/npz.hpp reads them.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace afu::base {

/// An array in C order and this machine's byte order. `data` is not copied: it must live until write_npz
/// returns.
struct NpzArray {
  std::string name;  ///< without ".npy"
  char kind = 'u';   ///< as in NumPy: 'u' unsigned, 'i' signed, 'f' float
  std::size_t item_size = 1;
  std::vector<std::int64_t> shape;
  const void* data = nullptr;
};

/// Writes the file in one step, as write_whole does. Throws std::runtime_error that names the file and the
/// reason; there is then no file, or the one that was there before.
void write_npz(const std::filesystem::path& path, const std::vector<NpzArray>& arrays);

}  // namespace afu::base
