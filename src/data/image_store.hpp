#pragma once
/// Where a source's decoded images go: memory, or a file that this run and later ones map (data.cache).
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// Above so many bytes of pixels "auto" keeps them in a file.
inline constexpr std::uint64_t cached_from_bytes = 256'000'000;

/// How many of so many images have been decoded.
using LoadProgress = std::function<void(std::int64_t done, std::int64_t all)>;

/// The folder of data.cache; nothing for "off", and for "auto" where the environment names no home.
std::optional<std::filesystem::path> cache_folder(const std::string& setting);

/// Takes away all files of the cache in the folder, those that a killed run left behind too, and nothing else. Returns how
/// many bytes that were. Throws DataError.
std::uint64_t clear_cache(const std::filesystem::path& folder);

/// All that a scenario says of what a source's images become: the keys of [data] that its reader asks, and the seed where
/// splits are drawn. A text.
std::string decoding_key(const config::DataSection& section, std::uint64_t seed);

/// Of a text that tells the source's content and its decoding_key, and of this program, since another may decode otherwise:
/// 64 hexadecimal digits.
std::string image_key(const std::string& text);

/// "size 3 changed 17.5 ..." of a file: another text after every write to it. Nothing of it is read.
std::string file_state(const std::string& path);

/// Of one source. All images at most once in memory.
class ImageStore {
 public:
  /// In memory alone.
  ImageStore();
  /// `setting`: data.cache.
  ImageStore(const std::string& setting, LoadProgress progress);
  ~ImageStore();
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  bool off() const { return !folder_; }
  /// What was kept under the key, its splits mapped. A file that cannot be used is told by the source's notes, at the
  /// latest those of keep.
  std::optional<Source> find(const std::string& key);
  /// An npz file's checksum, where one was noted while the file was in this state; empty: none was.
  std::string noted_md5(const std::string& path) const;
  void note_md5(const std::string& path, const std::string& state, const std::string& md5) const;

  /// True where images of so many bytes are to be kept in a file.
  bool wants(std::uint64_t bytes) const;
  /// Begins the file of `key`. `origin` tells the source and how it is decoded: of one, the folder keeps one file. Where no
  /// file can be had, "auto" goes on in memory with a note; a folder that the user named throws DataError.
  void begin(const std::string& key, const std::string& origin, std::uint64_t bytes);
  bool in_file() const { return writing_ != nullptr; }
  /// Bytes for one split's images, behind those of the last one; together no more than begin was told.
  Pixels take(std::size_t bytes);
  /// Of the last ones taken, only the first `bytes` are used.
  void shrink_last(std::size_t bytes);
  /// All is decoded: puts the file in its place, if there is one, and tells what there is to tell. Of the source's notes
  /// those from `first_note` on are kept. `checksum`: pixels_checksum of it.
  void keep(Source& source, std::size_t first_note, const std::string& checksum);

  void progress(std::int64_t done, std::int64_t all) const {
    if (progress_) progress_(done, all);
  }

 private:
  struct Writing;
  std::filesystem::path path_of(const std::string& key, const std::string& origin) const;
  void refuse_or_note(const std::string& why);

  std::optional<std::filesystem::path> folder_;
  bool automatic_ = false;
  LoadProgress progress_;
  std::unique_ptr<Writing> writing_;
  std::vector<std::string> notes_;
};

}  // namespace afu::data
