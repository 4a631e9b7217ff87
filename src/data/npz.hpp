#pragma once
/// NumPy archives: a zip of .npy members. The headers are parsed, nothing about them is assumed.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace afu::data {

/// One array, in C order and in this machine's byte order.
struct NpyArray {
  char kind = 'u';             ///< as in NumPy: 'u' unsigned, 'i' signed, 'b' bool, 'f' float
  std::int64_t item_size = 1;  ///< bytes
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> bytes;

  std::int64_t size() const { return static_cast<std::int64_t>(bytes.size()) / item_size; }
  bool is_integer() const { return kind == 'u' || kind == 'i'; }
  /// Element `i` of an integer array. Throws std::range_error for a uint64 above the largest int64.
  std::int64_t integer(std::int64_t i) const;
  std::string dtype() const;       ///< "uint8"
  std::string shape_text() const;  ///< "(546, 28, 28)", as Python writes it
};

/// What a file may ask of memory. The zip format lets a few bytes claim terabytes.
struct NpzLimits {
  std::uint64_t max_bytes =
      32ull << 30;     ///< all members together, unpacked (PathMNIST at 224 pixels has 15 GiB)
  std::string reason;  ///< why max_bytes is what it is; ends the message that refuses a file
  std::uint64_t max_members = 256;
};

using NpzArrays = std::map<std::string, NpyArray>;

/// An archive from which arrays are read one by one, or piece by piece. Throws DataError, which names the file and the
/// member.
class NpzReader {
 public:
  /// What the directory claims of the members called in `wanted` (without ".npy"; empty: all) is checked; `left_out`, where
  /// given, gets the names of the other members.
  NpzReader(std::string path, const std::set<std::string>& wanted, const NpzLimits& limits,
            std::vector<std::string>* left_out = nullptr);
  ~NpzReader();
  NpzReader(const NpzReader&) = delete;
  NpzReader& operator=(const NpzReader&) = delete;

  bool has(const std::string& name) const;
  std::vector<std::string> names() const;  ///< of the wanted ones that are there, in byte order
  /// Without its bytes. The name must be one of names().
  NpyArray header(const std::string& name) const;
  NpyArray array(const std::string& name) const;
  /// Calls take(rows, first): some rows of the array from row `first` on, in order, in pieces of about `piece` bytes. An
  /// array in Fortran's order comes as one.
  void pieces(const std::string& name, std::size_t piece,
              const std::function<void(NpyArray rows, std::int64_t first)>& take) const;

 private:
  struct Open;
  std::unique_ptr<Open> open_;
};

/// The members called in `wanted` (without ".npy"; empty: all). A wanted name that is missing is not an error
/// here. `left_out`, where given, gets the names of the other members. Throws DataError, which names the file
/// and the member.
NpzArrays read_npz(const std::string& path, const std::set<std::string>& wanted = {}, const NpzLimits& = {},
                   std::vector<std::string>* left_out = nullptr);
/// The same from memory; `name` stands for the file in messages.
NpzArrays read_npz_bytes(const void* data, std::size_t size, const std::string& name, const NpzLimits& = {});

}  // namespace afu::data
