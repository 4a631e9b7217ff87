#pragma once
/// What the tests of data share: folders that go away, archives made to order, the real images where there
/// are any.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <zip.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include "tests/skipped.hpp"

namespace afu::test {

namespace fs = std::filesystem;

/// A folder of its own, gone with the object.
class TempFolder {
 public:
  TempFolder() {
    static std::atomic<int> number{0};
    path_ = fs::temp_directory_path() / fmt::format("afu-test-{}-{}", ::getpid(), number++);
    fs::create_directories(path_);
  }
  ~TempFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string string() const { return path_.string(); }

 private:
  fs::path path_;
};

/// The real file or folder, or nothing, said aloud; for the suite "data".
inline std::optional<std::string> real_data(const std::string& name) {
  const char* folder = std::getenv("AFU_DATA_DIR");
  const auto path =
      (folder && *folder ? fs::path(folder) : fs::path(AFU_SOURCE_DIR) / ".." / "shared" / "data") / name;
  if (fs::exists(path)) return path.string();
  skip(path.string() + " is not there");
  return {};
}

inline std::string file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A .npy header before `data`; `text` is the dictionary.
inline std::string npy(const std::string& text, const std::string& data, int version = 1) {
  std::string header = text + "\n", out = "\x93NUMPY";
  out += static_cast<char>(version);
  out += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) out += static_cast<char>(header.size() >> (8 * i));
  return out + header + data;
}
inline std::string npy(const std::string& descr, const std::string& shape, const std::string& data,
                       bool fortran = false, int version = 1) {
  return npy(fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", descr,
                         fortran ? "True" : "False", shape),
             data, version);
}

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

struct ZipMember {
  std::string name, bytes;
  bool deflate = true;
};
inline void write_zip(const std::string& path, const std::vector<ZipMember>& members) {
  int code = 0;
  auto* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  REQUIRE(zip);
  for (const auto& m : members) {
    auto* source = zip_source_buffer(zip, m.bytes.data(), m.bytes.size(), 0);
    const auto i = zip_file_add(zip, m.name.c_str(), source, 0);
    REQUIRE(i >= 0);
    zip_set_file_compression(zip, static_cast<zip_uint64_t>(i), m.deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  }
  REQUIRE(zip_close(zip) == 0);
}

/// The message of the exception of type E that `f` throws; fails the test where it throws none.
template <class E, class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  FAIL("nothing was thrown");
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("'" << text << "' does not contain '" << part << "'");
  return found;
}

}  // namespace afu::test
