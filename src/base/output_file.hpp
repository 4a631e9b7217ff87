#pragma once
/// Files that are written: every failed write is an exception, and what is written is put on the disk.
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace afu::base {

/// A file that is written from front to end, buffered. Text is appended to `buffer()` in whole records;
/// `drain` hands them to the system in blocks, so that what stands in the file ends with a whole record even
/// if the program is killed.
class OutputFile {
 public:
  /// Creates or empties `path`. Throws std::runtime_error, naming the file and the system's reason.
  explicit OutputFile(std::filesystem::path path);
  /// Goes on with a log of lines that an earlier process wrote, cut off behind its last whole line: what is written must
  /// be that again, byte for byte, before it goes on behind it. Text that differs throws std::runtime_error, naming
  /// the line, and changes nothing. What is not written again is left as it is. A file that is not there is created.
  struct Again {};
  OutputFile(std::filesystem::path path, Again);
  /// Goes on behind the first `keep` bytes of a file that has as many, and cuts off what follows them.
  struct Keep {
    std::uint64_t bytes = 0;
  };
  OutputFile(std::filesystem::path path, Keep keep);
  /// Writes what is left. An error cannot be reported from here: call `close` to learn of it.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  fmt::memory_buffer& buffer() { return buffer_; }

  /// To be called after each record: writes once 64 KiB have gathered.
  void drain() {
    if (buffer_.size() >= block_size) flush();
  }
  /// Writes everything gathered. Throws std::runtime_error (disk full, ...); so does every call after a
  /// failed one.
  void flush();
  /// Flushes. Of a file whose text must come again, what has not come by now is cut off.
  void drop_rest();
  /// Flushes, and waits until the disk has it.
  void sync();
  /// Flushes, waits until the disk has it (fsync), and closes. Idempotent.
  void close();

  const std::filesystem::path& path() const { return path_; }

 private:
  static constexpr std::size_t block_size = std::size_t{64} * 1024;
  [[noreturn]] void fail(int error);
  [[noreturn]] void fail_with(std::string what);
  void cut(std::uint64_t size);
  void write(const char* text, std::size_t size);
  /// Of `text` that comes again, how much of it stands in the file already. Throws where the file has other text.
  std::size_t found_again(const char* text, std::size_t size);

  std::filesystem::path path_;
  fmt::memory_buffer buffer_;
  std::string error_;  ///< of the first failure
  int descriptor_ = -1;
  std::uint64_t held_ = 0, again_ = 0;  ///< bytes that must come again; that have
  std::uint64_t lines_ = 0;             ///< that have come again
};

/// Puts the complete file `part` onto the disk and gives it the name `path`, then its folder's entry. Throws
/// std::runtime_error that names `path` and the system's reason; `part` is then gone.
void place_whole(const std::filesystem::path& part, const std::filesystem::path& path);

/// Writes the file in one step: beside it (`.part`), onto the disk, then renamed, and the folder's entry onto
/// the disk. Who reads it meanwhile, or after a kill or a power cut, finds the old text or the new one; after
/// a failure the old one, and nothing beside it. A device or pipe is written as it stands. Throws
/// std::runtime_error, naming the file and the system's reason.
void write_whole(const std::filesystem::path& path, std::string_view text);

}  // namespace afu::base
