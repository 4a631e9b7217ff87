#include "data/image_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "config/sections/data.hpp"
#include "data/file_set.hpp"
#include "data/image_file.hpp"
#include "data/unusable.hpp"

namespace afu::data {

namespace {

namespace fs = std::filesystem;

/// Files that are not read, by the end of their names.
using Counts = std::map<std::string, std::int64_t>;

struct Listing {
  FileSet set;
  Counts other_files;       ///< in the class folders
  std::int64_t hidden = 0;  ///< entries anywhere
  std::int64_t beside = 0;  ///< files beside the class folders
};

bool is_folder(const fs::path& path) {
  std::error_code ec;
  const bool folder = fs::is_directory(path, ec);
  // What a link leads to may be gone: whoever wants to read it says so.
  if (ec && ec != std::errc::no_such_file_or_directory)
    throw DataError(fmt::format("{}: cannot be looked at: {}", path.string(), ec.message()));
  return folder;
}

/// Names in a folder in byte order, hidden ones counted and left out: the order of directory entries is the
/// file system's whim.
std::vector<fs::path> sorted_entries(const fs::path& folder, std::int64_t& hidden) {
  std::vector<fs::path> entries;
  std::error_code ec;
  for (fs::directory_iterator i(folder, ec), end; !ec && i != end; i.increment(ec)) {
    if (i->path().filename().string()[0] == '.')
      ++hidden;
    else
      entries.push_back(i->path());
  }
  if (ec) throw DataError(fmt::format("{}: cannot be listed: {}", folder.string(), ec.message()));
  std::sort(entries.begin(), entries.end(), [](const fs::path& a, const fs::path& b) {
    return a.filename().string() < b.filename().string();
  });
  return entries;
}

/// ".tif", or what names without a dot are called.
std::string ending(const std::string& name) {
  auto dot = name.rfind('.');
  // .nii.gz is one ending
  if (dot != std::string::npos && dot >= 4 && name.compare(dot, 3, ".gz") == 0 &&
      name.compare(dot - 4, 4, ".nii") == 0)
    dot -= 4;
  return dot == std::string::npos ? "without an extension" : name.substr(dot);
}

std::string counts_text(const Counts& counts) {
  std::vector<std::pair<std::int64_t, std::string>> sorted;
  for (const auto& [end, n] : counts) sorted.emplace_back(-n, end);
  std::sort(sorted.begin(), sorted.end());
  constexpr std::size_t most = 8;
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i)
    parts.push_back(fmt::format("{} {}", -sorted[i].first, sorted[i].second));
  if (sorted.size() > most) parts.push_back(fmt::format("{} other kinds", sorted.size() - most));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::int64_t sum(const Counts& counts) {
  std::int64_t n = 0;
  for (const auto& c : counts) n += c.second;
  return n;
}

/// Throws DataError with `all` of what is wrong, if anything is. `what`: of several, "images cannot be read".
void refuse(const std::string& path, const std::vector<std::string>& all, const char* what) {
  if (all.size() == 1) throw DataError(all.front());
  if (!all.empty()) throw DataError(fmt::format("{}: {} {}:{}", path, all.size(), what, some_of(all)));
}

/// The images of one class, appended.
void list_class(const fs::path& folder, Listing& list) {
  const auto name = folder.filename().string();
  auto& set = list.set;
  if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    throw DataError(fmt::format("{}: the class folder {:?} has control characters in its name",
                                folder.parent_path().string(), name));
  const auto label = static_cast<std::int64_t>(set.class_names.size());
  set.class_names.push_back(name);
  for (const auto& entry : sorted_entries(folder, list.hidden)) {
    const auto file = entry.filename().string();
    if (is_folder(entry))
      throw DataError(fmt::format(
          "{}: a folder inside the class folder {}; images are expected directly in the class folders (if "
          "the classes are one level further down, name that folder)",
          entry.string(), name));
    if (is_image_name(file)) {
      FileRow row;
      row.path = entry.string();
      row.id = name + '/' + file;
      row.label = label;
      if (const auto subject = subject_of_name(file)) {
        constexpr std::size_t digits = 9;  // OAS1_0171
        row.subject = *subject;
        set.subject_names[*subject] = file.substr(0, digits);
      }
      set.rows.push_back(std::move(row));
    } else if (is_other_image_name(file)) {
      set.unusable.push_back({0, fmt::format("{}: {} images are not read", entry.string(), ending(file))});
    } else if (!is_second_file(file)) {
      ++list.other_files[ending(file)];
    }
  }
}

Listing list_folder(const std::string& path) {
  std::error_code ec;
  if (!fs::exists(path, ec)) throw DataError(fmt::format("{}: no such folder", path));
  if (!is_folder(path)) throw DataError(fmt::format("{}: not a folder", path));
  Listing list;
  list.set.where = path;
  std::vector<std::string> empty;
  for (const auto& entry : sorted_entries(path, list.hidden)) {
    if (!is_folder(entry)) {
      ++list.beside;
      continue;
    }
    const auto before = list.set.rows.size();
    list_class(entry, list);
    if (list.set.rows.size() == before)
      empty.push_back(fmt::format("{}: the class folder has no image ({})", entry.string(), image_endings));
  }
  refuse(path, empty, "class folders have no image");
  if (list.set.class_names.size() < 2)
    throw DataError(
        fmt::format("{}: {} class folder(s), at least 2 are needed (one sub-folder a class, with its images)",
                    path, list.set.class_names.size()));
  return list;
}

}  // namespace

std::optional<std::int64_t> subject_of_name(const std::string& name) {
  // OAS<study>_<dddd>_...
  const auto digit = [&](std::size_t i) { return std::isdigit(static_cast<unsigned char>(name[i])) != 0; };
  if (name.size() < 10 || name.compare(0, 3, "OAS") != 0 || !digit(3) || name[4] != '_' || name[9] != '_')
    return {};
  std::int64_t id = name[3] - '0';
  for (std::size_t i = 5; i < 9; ++i) {
    if (!digit(i)) return {};
    id = id * 10 + (name[i] - '0');
  }
  return id;
}

FileSet list_image_folder(const std::string& path, std::vector<std::string>& notes) {
  auto list = list_folder(path);
  if (!list.other_files.empty())
    notes.push_back(
        fmt::format("{} files in the class folders are no images by their names and were left out: {}",
                    sum(list.other_files), counts_text(list.other_files)));
  if (list.beside > 0)
    notes.push_back(fmt::format("{} files beside the class folders were left out", list.beside));
  if (list.hidden > 0) notes.push_back(fmt::format("{} hidden files and folders were left out", list.hidden));
  return std::move(list.set);
}

Source load_image_folder(const std::string& path, const config::DataSection& section, std::uint64_t seed) {
  ImageStore memory;
  return load_image_folder(path, section, seed, memory);
}

Source load_image_folder(const std::string& path, const config::DataSection& section, std::uint64_t seed,
                         ImageStore& store) {
  if (section.channels != 1 && section.channels != 3)
    throw DataError(fmt::format("data.channels: value is {}, allowed 1 or 3", section.channels));
  Source s;
  s.name = fs::path(path).filename().empty() ? fs::path(path).parent_path().filename().string()
                                             : fs::path(path).filename().string();
  std::vector<std::string> notes;
  auto set = list_image_folder(path, notes);
  for (auto& note : notes) s.note(std::move(note));
  load_files(std::move(set), section, seed, s, store);
  return s;
}

}  // namespace afu::data
