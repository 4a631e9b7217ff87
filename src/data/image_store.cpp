#include "data/image_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "base/output_file.hpp"
#include "base/sha256.hpp"
#include "config/scenario.hpp"
#include "config/writer.hpp"
#include "data/memory_need.hpp"
#include "data/source_bytes.hpp"
#include "data/source_checks.hpp"
#include "record/seal.hpp"

namespace afu::data {

namespace {

namespace fs = std::filesystem;

/// The file: a head of one block, the pixels of train, val and test, what source_bytes tells of them.
constexpr std::size_t head_bytes = 65536;  ///< a multiple of every page size
constexpr const char* ending = ".images";
constexpr const char* part_ending = ".images.part";
constexpr const char* md5_ending = ".md5";
/// To be raised where the file's form changes.
constexpr const char* mark = "afu decoded images 2\n";

std::string sha256(const std::string& text) {
  base::Sha256 hash;
  hash.update(text.data(), text.size());
  return hash.hex();
}

bool has_ending(const std::string& text, const std::string& end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// What the head says.
struct Head {
  std::string key;
  std::uint64_t pixels = 0, rest = 0;  ///< bytes
  std::string pixels_checksum, rest_sha256;
  std::int64_t written = 0;  ///< the file's time of change, seconds: another one tells that it was written to

  std::string text() const {
    const auto said = fmt::format("{}key {}\npixels {} {}\nrest {} {}\nwritten {}\n", mark, key, pixels,
                                  pixels_checksum, rest, rest_sha256, written);
    auto all = said + "sum " + sha256(said) + "\n";
    all.resize(head_bytes, '\0');
    return all;
  }

  /// Throws std::runtime_error for what text() never gives.
  static Head of(const std::string& text) {
    Head h;
    const auto after = [&](const char* word) {
      const auto at = text.find(word);
      if (at == std::string::npos) throw std::runtime_error("it is no file of decoded images");
      const auto from = at + std::strlen(word);
      return text.substr(from, text.find('\n', from) - from);
    };
    const auto two = [&](const char* word, std::uint64_t& number, std::string& sum) {
      const auto line = after(word);
      const auto space = line.find(' ');
      number = std::strtoull(line.c_str(), nullptr, 10);
      sum = space == std::string::npos ? "" : line.substr(space + 1);
    };
    if (text.compare(0, std::strlen(mark), mark) != 0)
      throw std::runtime_error("it is no file of decoded images");
    h.key = after("\nkey ");
    two("\npixels ", h.pixels, h.pixels_checksum);
    two("\nrest ", h.rest, h.rest_sha256);
    h.written = std::strtoll(after("\nwritten ").c_str(), nullptr, 10);
    if (h.text() != text) throw std::runtime_error("its head is damaged");
    return h;
  }
};

void read_at(int file, std::uint64_t offset, std::string& to) {
  for (std::size_t got = 0; got < to.size();) {
    const auto n = ::pread(file, to.data() + got, to.size() - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::runtime_error(std::strerror(errno));
    if (n == 0) throw std::runtime_error("it is cut off");
    got += static_cast<std::size_t>(n);
  }
}

void write_at(int file, std::uint64_t offset, const std::string& text) {
  for (std::size_t put = 0; put < text.size();) {
    const auto n = ::pwrite(file, text.data() + put, text.size() - put, static_cast<off_t>(offset + put));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::runtime_error(std::strerror(errno));
    put += static_cast<std::size_t>(n);
  }
}

void set_written(int file, std::int64_t seconds) {
  const std::array<timespec, 2> times{timespec{0, UTIME_OMIT}, timespec{static_cast<time_t>(seconds), 0}};
  if (::futimens(file, times.data()) != 0) throw std::runtime_error(std::strerror(errno));
}

/// Gives each split its pixels, which stand one behind the other.
void place_pixels(Source& source, const std::shared_ptr<const Mapping>& mapping, std::uint64_t bytes) {
  std::uint64_t at = 0;
  for (auto* images : {&source.train, &source.val, &source.test}) {
    const auto size = static_cast<std::uint64_t>(images->size()) *
                      static_cast<std::uint64_t>(std::max<std::int64_t>(0, images->image_bytes()));
    if (size > bytes - at) throw std::runtime_error("its sizes do not match");
    images->pixels = Pixels(mapping, mapping->begin() + at, size, size);
    at += size;
  }
  if (at != bytes) throw std::runtime_error("its sizes do not match");
}

/// Throws std::runtime_error, which says what is wrong with the file.
Source read_kept(const std::string& path, const std::string& key) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) throw std::runtime_error(std::strerror(errno));
  std::shared_ptr<const Mapping> mapping;
  Source source;
  Head head;
  struct stat st {};
  try {
    if (::fstat(file, &st) != 0) throw std::runtime_error(std::strerror(errno));
    if (!S_ISREG(st.st_mode)) throw std::runtime_error("it is no file");
    std::string text(head_bytes, '\0');
    read_at(file, 0, text);
    head = Head::of(text);
    if (head.key != key) throw std::runtime_error("it is of something else");
    const auto size = static_cast<std::uint64_t>(st.st_size);
    if (size < head_bytes || head.pixels > size - head_bytes || head.rest != size - head_bytes - head.pixels)
      throw std::runtime_error("it is cut off");
    std::string rest(head.rest, '\0');
    read_at(file, head_bytes + head.pixels, rest);
    if (sha256(rest) != head.rest_sha256) throw std::runtime_error("what it tells of the images is damaged");
    source = source_of_bytes(rest);
  } catch (...) {
    ::close(file);
    throw;
  }
  mapping = Mapping::private_of(file, head_bytes, head.pixels, 0);
  place_pixels(source, mapping, head.pixels);
  // The images are looked through only where somebody wrote to the file, or says that he did.
  if (st.st_mtim.tv_sec != head.written || st.st_mtim.tv_nsec != 0) {
    if (pixels_checksum(image_digests(source)) != head.pixels_checksum)
      throw std::runtime_error("its images are damaged");
    set_written(mapping->descriptor(), head.written);
  }
  return source;
}

/// The names in the folder that end so.
std::vector<fs::path> files_of(const fs::path& folder, const std::string& end) {
  std::vector<fs::path> found;
  std::error_code ec;
  for (fs::directory_iterator i(folder, ec), last; !ec && i != last; i.increment(ec))
    if (has_ending(i->path().filename().string(), end)) found.push_back(i->path());
  std::sort(found.begin(), found.end());
  return found;
}

std::uint64_t size_of(const fs::path& file) {
  std::error_code ec;
  const auto size = fs::file_size(file, ec);
  return ec ? 0 : size;
}

/// Takes away what killed processes left: nobody holds its lock.
std::uint64_t remove_orphans(const fs::path& folder) {
  std::uint64_t bytes = 0;
  for (const auto& part : files_of(folder, part_ending)) {
    const int file = ::open(part.c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) continue;
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) {
      bytes += size_of(part);
      std::error_code ignored;
      fs::remove(part, ignored);
    }
    ::close(file);
  }
  return bytes;
}

/// A new file beside `path`, open and locked, and its name. Throws std::runtime_error with the system's reason.
std::pair<int, fs::path> new_part(const fs::path& path) {
  static std::atomic<unsigned> number{0};
  constexpr int most_tries = 100;
  for (int i = 0; i < most_tries; ++i) {
    auto part = fs::path(path);
    part.replace_extension();
    part += fmt::format(".{}.{}{}", ::getpid(), number++, part_ending);
    const int file = ::open(part.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) throw std::runtime_error(std::strerror(errno));
    const int locked = ::flock(file, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    struct stat st {};
    if (locked == 0 && ::fstat(file, &st) == 0 && st.st_nlink > 0) return {file, part};
    // Before it was locked another process may have taken it for an orphan, which it then removes.
    ::close(file);
    std::error_code ignored;
    fs::remove(part, ignored);
    if (locked != 0 && locked != EWOULDBLOCK) throw std::runtime_error(std::strerror(locked));
  }
  throw std::runtime_error(fmt::format("others removed {} new files, one after the other", most_tries));
}

}  // namespace

std::optional<fs::path> cache_folder(const std::string& setting) {
  if (setting == "off") return std::nullopt;
  if (setting != "auto") return fs::absolute(setting);
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache == '/') return fs::path(cache) / "afu" / "images";
  const char* home = std::getenv("HOME");
  if (home && *home == '/') return fs::path(home) / ".cache" / "afu" / "images";
  return std::nullopt;
}

std::uint64_t clear_cache(const fs::path& folder) {
  auto bytes = remove_orphans(folder);
  for (const auto* end : {ending, md5_ending, record::digest_ending})
    for (const auto& file : files_of(folder, end)) {
      const auto size = size_of(file);
      std::error_code ec;
      if (!fs::remove(file, ec) && ec)
        throw DataError(fmt::format("{}: cannot be removed: {}", file.string(), ec.message()));
      bytes += size;
    }
  return bytes;
}

std::string file_state(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return "none";
  return fmt::format("size {} file {}:{} written {}.{:09} changed {}.{:09}", st.st_size, st.st_dev, st.st_ino,
                     st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

std::string decoding_key(const config::DataSection& section, std::uint64_t seed) {
  config::Scenario s;
  s.data = section;
  const bool files = config::is_files(section.source);
  // A key that is not named here counts.
  static const std::vector<std::string> never{"data.path",          "data.cache",       "data.classes",
                                              "data.train_samples", "data.val_samples", "data.test_samples",
                                              "data.difficulty"};
  static const std::vector<std::string> not_of_npz{"data.image_size",       "data.depth",
                                                   "data.channels",         "data.limit",
                                                   "data.val_fraction",     "data.test_fraction",
                                                   "data.split_by_subject", "data.unusable_share",
                                                   "data.patients",         "data.patient_salt_file"};
  const auto in = [](const std::vector<std::string>& list, const std::string& key) {
    return std::find(list.begin(), list.end(), key) != list.end();
  };
  const auto begins = [](const std::string& key, const char* with) { return key.rfind(with, 0) == 0; };
  std::string text;
  for (const auto& [key, value] : config::key_values(s, {})) {
    if (!begins(key, "data.") || begins(key, "data.backdoor.") || in(never, key)) continue;
    if (!files && (in(not_of_npz, key) || begins(key, "data.columns.") || begins(key, "data.slices.")))
      continue;
    if (files && key == "data.layout") continue;
    text += fmt::format("{} {}\n", key, value);
  }
  if (files) text += fmt::format("seed {}\n", seed);
  if (section.patients == config::PatientNames::hashed && files) {
    std::ifstream in(section.patient_salt_file, std::ios::binary);
    text += "salt " + sha256({std::istreambuf_iterator<char>(in), {}}) + "\n";
  }
  return text;
}

std::string image_key(const std::string& text) {
  return sha256(text + "program " + file_state("/proc/self/exe") + "\n");
}

/// A file that grows, locked as long as it does.
struct ImageStore::Writing {
  std::string key;
  fs::path part, path;
  std::string origin;
  int file = -1;
  std::shared_ptr<const Mapping> mapping;
  std::size_t all = 0, used = 0, last = 0;

  Writing() = default;
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() {
    if (file >= 0) ::close(file);
    std::error_code ignored;
    if (!part.empty()) fs::remove(part, ignored);
  }
};

ImageStore::ImageStore(const std::string& setting, LoadProgress progress)
    : folder_(cache_folder(setting)), automatic_(setting == "auto"), progress_(std::move(progress)) {}

ImageStore::ImageStore() = default;
ImageStore::~ImageStore() = default;

fs::path ImageStore::path_of(const std::string& key, const std::string& origin) const {
  constexpr std::size_t origin_digits = 16, key_digits = 48;
  return *folder_ / (sha256(origin).substr(0, origin_digits) + "-" + key.substr(0, key_digits) + ending);
}

std::optional<Source> ImageStore::find(const std::string& key) {
  if (!folder_) return std::nullopt;
  const auto name = path_of(key, "").filename().string();
  const auto end = name.substr(name.find('-'));
  for (const auto& file : files_of(*folder_, end)) try {
      auto source = read_kept(file.string(), key);
      source.note(fmt::format("the decoded images are mapped from {}, {} (data.cache)", file.string(),
                              bytes_text(size_of(file))));
      for (auto& note : notes_) source.note(std::move(note));
      notes_.clear();
      return source;
    } catch (const std::runtime_error& e) {
      notes_.push_back(fmt::format("{}: cannot be used and is made anew: {}", file.string(), e.what()));
    }
  return std::nullopt;
}

std::string ImageStore::noted_md5(const std::string& path) const {
  if (!folder_) return {};
  std::ifstream in(*folder_ / (sha256(fs::absolute(path).string()).substr(0, 32) + md5_ending));
  std::string state, md5, rest;
  if (!std::getline(in, state) || !std::getline(in, md5) || std::getline(in, rest)) return {};
  const bool hex = md5.size() == 32 && md5.find_first_not_of("0123456789abcdef") == std::string::npos;
  return hex && state == file_state(path) ? md5 : "";
}

void ImageStore::note_md5(const std::string& path, const std::string& state, const std::string& md5) const {
  if (!folder_ || state != file_state(path)) return;
  try {
    base::write_whole(*folder_ / (sha256(fs::absolute(path).string()).substr(0, 32) + md5_ending),
                      state + "\n" + md5 + "\n");
  } catch (const std::runtime_error&) {
    // It saves time and nothing else; another process may just be writing the same.
  }
}

bool ImageStore::wants(std::uint64_t bytes) const {
  return folder_ && (!automatic_ || bytes > cached_from_bytes);
}

void ImageStore::refuse_or_note(const std::string& why) {
  writing_.reset();
  const auto text = fmt::format("data.cache: {}: no decoded images can be kept: {}", folder_->string(), why);
  if (!automatic_) throw DataError(text);
  notes_.push_back(text);
}

void ImageStore::begin(const std::string& key, const std::string& origin, std::uint64_t bytes) {
  if (!folder_ && automatic_ && bytes > cached_from_bytes)
    notes_.emplace_back("data.cache: \"auto\" finds no folder, neither XDG_CACHE_HOME nor HOME is set");
  if (!wants(bytes)) return;
  try {
    std::error_code ec;
    fs::create_directories(*folder_, ec);
    if (ec) throw std::runtime_error(ec.message());
    if (automatic_) fs::permissions(*folder_, fs::perms::owner_all, ec);
    remove_orphans(*folder_);
    auto w = std::make_unique<Writing>();
    w->key = key;
    w->origin = origin;
    w->path = path_of(key, origin);
    w->all = bytes;
    std::tie(w->file, w->part) = new_part(w->path);
    // All of its place at once: a full disk would end the process later, in the middle of a write to memory.
    if (const int error = ::posix_fallocate(w->file, 0, static_cast<off_t>(head_bytes + bytes)))
      throw std::runtime_error(
          fmt::format("{} for {}", std::strerror(error), bytes_text(head_bytes + bytes)));
    const int again = ::dup(w->file);
    if (again < 0) throw std::runtime_error(std::strerror(errno));
    w->mapping = Mapping::shared(again, head_bytes, bytes);
    writing_ = std::move(w);
  } catch (const std::runtime_error& e) {
    refuse_or_note(e.what());
  }
}

Pixels ImageStore::take(std::size_t bytes) {
  if (!writing_) return Pixels(bytes, std::uint8_t{0});
  auto& w = *writing_;
  if (bytes > w.all - w.used) throw std::logic_error("more images than were announced");
  w.last = std::exchange(w.used, w.used + bytes);
  return {w.mapping, w.mapping->begin() + w.last, bytes, bytes};
}

void ImageStore::shrink_last(std::size_t bytes) {
  if (writing_) writing_->used = writing_->last + bytes;
}

void ImageStore::keep(Source& source, std::size_t first_note, const std::string& checksum) {
  if (writing_) {
    auto& w = *writing_;
    try {
      const auto rest = source_bytes(source, first_note);
      write_at(w.file, head_bytes + w.used, rest);
      if (::ftruncate(w.file, static_cast<off_t>(head_bytes + w.used + rest.size())) != 0)
        throw std::runtime_error(std::strerror(errno));
      if (::msync(w.mapping->begin(), std::max<std::size_t>(w.used, 1), MS_SYNC) != 0)
        throw std::runtime_error(std::strerror(errno));
      const auto now = static_cast<std::int64_t>(std::time(nullptr));
      const Head head{w.key, w.used, rest.size(), checksum, sha256(rest), now};
      write_at(w.file, 0, head.text());
      set_written(w.file, now);
      base::place_whole(w.part, w.path);
      w.part.clear();
      // An older form of the same source: nobody asks for it any more.
      const auto own = w.path.filename().string();
      for (const auto& file : files_of(*folder_, ending)) {
        const auto name = file.filename().string();
        std::error_code ignored;
        if (name != own && name.compare(0, 17, own, 0, 17) == 0) fs::remove(file, ignored);
      }
      source.note(fmt::format("the decoded images are mapped from {}, {} (data.cache)", w.path.string(),
                              bytes_text(size_of(w.path))));
      writing_.reset();  // the images hold the mapping
    } catch (const std::runtime_error& e) {
      // The images stay where they are, in a file without a name.
      refuse_or_note(e.what());
    }
  }
  for (auto& note : notes_) source.note(std::move(note));
  notes_.clear();
}

}  // namespace afu::data
