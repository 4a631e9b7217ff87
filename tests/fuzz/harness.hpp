#pragma once
/// What the fuzz targets share: a folder of their own in memory where there is one, and seeds that a target
/// makes itself: `fuzz_NAME --seeds FOLDER` writes them and ends.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace afu::fuzz {

inline void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out.flush()) std::abort();
}

/// A folder that lives as long as the program.
class Folder {
 public:
  Folder() {
    const std::filesystem::path memory = "/dev/shm";
    const auto base = std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
    auto pattern = (base / "afu-fuzz-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) std::abort();
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// To be called from LLVMFuzzerInitialize.
inline void write_seeds_if_asked(int argc, char** argv, const std::map<std::string, std::string>& seeds) {
  if (argc != 3 || std::strcmp(argv[1], "--seeds") != 0) return;
  const std::filesystem::path folder = argv[2];
  std::filesystem::create_directories(folder);
  for (const auto& [name, text] : seeds) write_text(folder / name, text);
  std::exit(0);
}

}  // namespace afu::fuzz
