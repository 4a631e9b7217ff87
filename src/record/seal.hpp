#pragma once
/// files.json: what a finished run read and wrote, by size and SHA-256, so that a damaged folder can be told
/// from a whole one and a changed input from the same.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "record/run_folder.hpp"

namespace afu::record {

struct Digest {
  std::uint64_t bytes = 0;
  std::string sha256;  ///< hexadecimal
  bool operator==(const Digest& o) const { return bytes == o.bytes && sha256 == o.sha256; }
};

/// Of a regular file's content. Throws std::runtime_error where it cannot be read.
Digest digest_of_file(const std::filesystem::path& file);

/// Of a regular file, or of a folder: all regular files below it with their names. A content is read once a
/// process as long as sizes and times of change stay the same; where `notes` is a folder, once in all the processes that
/// give it, which note the digest there. Throws std::runtime_error. Thread-safe.
Digest digest_of_input(const std::filesystem::path& path, const std::filesystem::path& notes = {});
inline constexpr const char* digest_ending = ".digest";  ///< of a note's file

/// A file or folder that the scenario names.
struct Input {
  std::string key, path;  ///< "data.path", absolute
  Digest digest;
};

/// Writes files.json over all of `run_files` that are there: to be called last, when they are whole. Throws
/// std::runtime_error.
void write_seal(const RunFolder& folder, const std::vector<Input>& inputs);

struct Seal {
  std::map<std::string, Digest> files;
  std::vector<Input> inputs;
};
/// Throws std::runtime_error that names the file: it is not there, or damaged.
Seal read_seal(const std::filesystem::path& folder);

/// The first file of the run in `folder` that is missing, was added, or has another size or content than
/// `seal` tells, and which of these: "metrics.csv is missing". Empty: all is as the run left it.
std::string damage(const std::filesystem::path& folder, const Seal& seal);

/// The same by the folder's own files.json, and what is wrong with that. A run without one is of an older
/// afu, or was killed: empty.
std::string damage(const std::filesystem::path& folder);

}  // namespace afu::record
