#include "data/image_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <vector>

#include "data/image_file.hpp"
#include "data/parallel.hpp"
#include "data/split.hpp"

namespace afu::data {

namespace {

namespace fs = std::filesystem;

struct Listing {
  std::vector<std::string> class_names;
  std::vector<std::string> files;  ///< paths
  std::vector<std::int64_t> labels;
  std::vector<std::int64_t> subjects;  ///< empty unless every name tells its subject
};

/// Names in a folder in byte order, hidden ones left out: the order of directory entries is the file system's
/// whim.
std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code ec;
  for (fs::directory_iterator i(folder, ec), end; !ec && i != end; i.increment(ec))
    if (i->path().filename().string()[0] != '.') entries.push_back(i->path());
  if (ec) throw DataError(fmt::format("{}: cannot be listed: {}", folder.string(), ec.message()));
  std::sort(entries.begin(), entries.end(), [](const fs::path& a, const fs::path& b) {
    return a.filename().string() < b.filename().string();
  });
  return entries;
}

std::vector<std::string> images_in(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : sorted_entries(folder)) {
    if (fs::is_directory(entry))
      throw DataError(fmt::format(
          "{}: a folder inside the class folder {}; images are expected directly in the class folders (if "
          "the classes are one level further down, name that folder)",
          entry.string(), folder.filename().string()));
    if (is_image_name(entry.filename().string())) files.push_back(entry.string());
  }
  if (files.empty())
    throw DataError(fmt::format("{}: the class folder has no image (.jpg, .jpeg, .png)", folder.string()));
  return files;
}

Listing list_folder(const std::string& path) {
  if (!fs::exists(path)) throw DataError(fmt::format("{}: no such folder", path));
  if (!fs::is_directory(path)) throw DataError(fmt::format("{}: not a folder", path));
  Listing list;
  bool all_known = true;
  for (const auto& folder : sorted_entries(path)) {
    if (!fs::is_directory(folder)) continue;
    const auto label = static_cast<std::int64_t>(list.class_names.size());
    list.class_names.push_back(folder.filename().string());
    for (auto& file : images_in(folder)) {
      const auto subject = subject_of_name(fs::path(file).filename().string());
      all_known = all_known && subject;
      list.subjects.push_back(subject.value_or(0));
      list.labels.push_back(label);
      list.files.push_back(std::move(file));
    }
  }
  if (list.class_names.size() < 2)
    throw DataError(
        fmt::format("{}: {} class folder(s), at least 2 are needed (one sub-folder a class, with its images)",
                    path, list.class_names.size()));
  if (!all_known) list.subjects.clear();
  return list;
}

Images decode(const Listing& list, const Indices& rows, const config::DataSection& section) {
  Images out;
  out.channels = section.channels;
  out.height = out.width = section.image_size;
  out.pixels.resize(rows.size() * static_cast<std::size_t>(out.image_bytes()));
  for (auto r : rows) {
    out.labels.push_back(list.labels[static_cast<std::size_t>(r)]);
    if (!list.subjects.empty()) out.subjects.push_back(list.subjects[static_cast<std::size_t>(r)]);
  }
  parallel_for(static_cast<std::int64_t>(rows.size()), [&](std::int64_t i) {
    const auto& file = list.files[static_cast<std::size_t>(rows[static_cast<std::size_t>(i)])];
    const auto image = read_image(file, out.channels, out.height);
    std::copy(image.begin(), image.end(), out.pixels.begin() + i * out.image_bytes());
  });
  return out;
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

Source load_image_folder(const std::string& path, const config::DataSection& section, std::uint64_t seed) {
  const auto list = list_folder(path);
  static const std::vector<std::int64_t> none;
  const auto rows = split_rows(list.labels, section.split_by_subject ? list.subjects : none,
                               section.val_fraction, section.test_fraction, seed);
  Source s;
  s.name = fs::path(path).filename().empty() ? fs::path(path).parent_path().filename().string()
                                             : fs::path(path).filename().string();
  s.class_names = list.class_names;
  s.train = decode(list, limited_rows(rows.train, list.labels, section.limit, seed), section);
  s.val = decode(list, rows.val, section);
  s.test = decode(list, rows.test, section);
  return s;
}

}  // namespace afu::data
