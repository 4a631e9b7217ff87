#pragma once
/// A small text file that lives as long as the object, in a folder of its own.
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

struct TemporaryFile {
  std::filesystem::path folder, path;

  explicit TemporaryFile(const std::string& text, const std::string& name = "trace.csv") {
    auto base = std::filesystem::temp_directory_path() / "afu-test-";
    std::random_device device;
    do folder = base.string() + std::to_string(device());
    while (!std::filesystem::create_directory(folder));
    path = folder / name;
    std::ofstream(path) << text;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
};
