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
#include "data/image_file.hpp"
#include "data/memory_need.hpp"
#include "data/parallel.hpp"
#include "data/source_checks.hpp"
#include "data/split.hpp"

namespace afu::data {

namespace {

namespace fs = std::filesystem;

/// Files that are not read, by the end of their names.
using Counts = std::map<std::string, std::int64_t>;

struct Listing {
  std::vector<std::string> class_names;
  std::vector<std::string> files;  ///< paths
  std::vector<std::int64_t> labels;
  std::vector<std::optional<std::int64_t>> subjects;  ///< as the names tell them
  Counts other_images, other_files;                   ///< in the class folders
  std::string first_other_image;
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

/// The first of `all`, a line each, and how many more there are.
std::string some_of(const std::vector<std::string>& all) {
  constexpr std::size_t most = 10;
  const auto shown = std::min(most, all.size());
  auto text =
      fmt::format("\n  {}", fmt::join(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), "\n  "));
  if (all.size() > shown) text += fmt::format("\n  and {} more", all.size() - shown);
  return text;
}

/// Throws DataError with `all` of what is wrong, if anything is. `what`: of several, "images cannot be read".
void refuse(const std::string& path, const std::vector<std::string>& all, const char* what) {
  if (all.size() == 1) throw DataError(all.front());
  if (!all.empty()) throw DataError(fmt::format("{}: {} {}:{}", path, all.size(), what, some_of(all)));
}

/// The images of one class, appended.
void list_class(const fs::path& folder, Listing& list) {
  const auto name = folder.filename().string();
  if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    throw DataError(fmt::format("{}: the class folder {:?} has control characters in its name",
                                folder.parent_path().string(), name));
  const auto label = static_cast<std::int64_t>(list.class_names.size());
  list.class_names.push_back(name);
  for (const auto& entry : sorted_entries(folder, list.hidden)) {
    const auto file = entry.filename().string();
    if (is_folder(entry))
      throw DataError(fmt::format(
          "{}: a folder inside the class folder {}; images are expected directly in the class folders (if "
          "the classes are one level further down, name that folder)",
          entry.string(), name));
    if (is_image_name(file)) {
      list.subjects.push_back(subject_of_name(file));
      list.labels.push_back(label);
      list.files.push_back(entry.string());
    } else if (is_other_image_name(file)) {
      ++list.other_images[ending(file)];
      if (list.first_other_image.empty()) list.first_other_image = entry.string();
    } else {
      ++list.other_files[ending(file)];
    }
  }
}

Listing list_folder(const std::string& path) {
  std::error_code ec;
  if (!fs::exists(path, ec)) throw DataError(fmt::format("{}: no such folder", path));
  if (!is_folder(path)) throw DataError(fmt::format("{}: not a folder", path));
  Listing list;
  std::vector<std::string> empty;
  for (const auto& entry : sorted_entries(path, list.hidden)) {
    if (!is_folder(entry)) {
      ++list.beside;
      continue;
    }
    const auto before = list.files.size();
    list_class(entry, list);
    if (list.files.size() == before)
      empty.push_back(entry.string() + ": the class folder has no image (.jpg, .jpeg, .png)");
  }
  if (!list.other_images.empty())
    throw DataError(fmt::format(
        "{}: {} images are of formats that are not read ({}; the first is {}), {} are .jpg, .jpeg or .png; "
        "convert them, or take them away: what is left of the classes may not stand for them",
        path, sum(list.other_images), counts_text(list.other_images), list.first_other_image,
        list.files.size()));
  refuse(path, empty, "class folders have no image");
  if (list.class_names.size() < 2)
    throw DataError(
        fmt::format("{}: {} class folder(s), at least 2 are needed (one sub-folder a class, with its images)",
                    path, list.class_names.size()));
  return list;
}

/// The subject of every file, or nothing where no name tells one. Names of both kinds are refused where the
/// split is to be by subject: images of one patient could come to train and to test.
std::vector<std::int64_t> known_subjects(const Listing& list, const std::string& path, bool split_by_subject,
                                         Source& source) {
  std::vector<std::int64_t> subjects;
  const std::string* stray = nullptr;
  for (std::size_t i = 0; i < list.files.size(); ++i)
    if (list.subjects[i])
      subjects.push_back(*list.subjects[i]);
    else if (!stray)
      stray = &list.files[i];
  if (!stray) return subjects;
  const auto strays = list.files.size() - subjects.size();
  if (subjects.empty()) {
    if (split_by_subject)
      source.note(fmt::format(
          "no file name tells a subject (the pattern is {}): train, validation and test may share patients. "
          "Rename the files, or put them into an .npz file with subjects (configs/your_images.md)",
          subject_pattern));
    return {};
  }
  const auto what = fmt::format("{} of {} file names tell no subject (the first is {}), the others do",
                                strays, list.files.size(), *stray);
  if (split_by_subject)
    throw DataError(fmt::format(
        "{}: {}: images of one patient could come to train and to test. The pattern is {}. Rename these files or take "
        "them away, or set data.split_by_subject = false",
        path, what, subject_pattern));
  source.note(what + ": none is used");
  return {};
}

/// What became of the images of all splits.
struct Facts {
  std::int64_t images = 0, colour = 0, turned = 0, odd = 0, not_square = 0;
  std::string first_odd;
  std::map<std::int64_t, std::string> faults;  ///< by the file's place in the listing

  void add(const Image& image, const std::string& file) {
    ++images;
    colour += image.colour;
    turned += image.turned;
    not_square += image.height != image.width;
    if (image.warning.empty()) return;
    if (++odd == 1) first_odd = fmt::format("{}: {}", file, image.warning);
  }

  void tell(Source& source, const config::DataSection& section) const {
    const auto of = [&](std::int64_t n) { return fmt::format("{} of {} images", n, images); };
    if (turned > 0) source.note(of(turned) + " were turned upright, as their EXIF orientation says");
    if (not_square > 0)
      source.note(fmt::format("{} are not square and were resized to {} x {} all the same", of(not_square),
                              section.image_size, section.image_size));
    if (section.channels == 1 && colour > 0)
      source.note(of(colour) + " are stored in colour and were made grey (data.channels = 1)");
    if (section.channels == 3 && colour > 0 && colour < images)
      source.note(of(colour) + " are stored in colour, the others in grey");
    if (odd > 0)
      source.note(
          fmt::format("{} have something odd that was passed over, the first is {}", of(odd), first_odd));
  }
};

Images decode(const Listing& list, const std::vector<std::int64_t>& subjects, const Indices& rows,
              const config::DataSection& section, Facts& facts) {
  Images out;
  out.channels = section.channels;
  out.height = out.width = section.image_size;
  out.pixels.resize(rows.size() * static_cast<std::size_t>(out.image_bytes()));
  for (auto r : rows) {
    out.labels.push_back(list.labels[static_cast<std::size_t>(r)]);
    if (!subjects.empty()) out.subjects.push_back(subjects[static_cast<std::size_t>(r)]);
  }
  const auto file_of = [&](std::int64_t i) -> const std::string& {
    return list.files[static_cast<std::size_t>(rows[static_cast<std::size_t>(i)])];
  };
  std::vector<Image> read(rows.size());
  std::vector<std::string> faults(rows.size());
  parallel_for(static_cast<std::int64_t>(rows.size()), [&](std::int64_t i) {
    auto& image = read[static_cast<std::size_t>(i)];
    try {
      image = read_image(file_of(i), out.channels, out.height);
    } catch (const DataError& e) {
      faults[static_cast<std::size_t>(i)] = e.what();
      return;
    }
    std::copy(image.pixels.begin(), image.pixels.end(), out.pixels.begin() + i * out.image_bytes());
    image.pixels = {};
  });
  for (std::size_t i = 0; i < read.size(); ++i)
    if (faults[i].empty())
      facts.add(read[i], file_of(static_cast<std::int64_t>(i)));
    else
      facts.faults[rows[i]] = faults[i];
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
  if (section.channels != 1 && section.channels != 3)
    throw DataError(fmt::format("data.channels: value is {}, allowed 1 or 3", section.channels));
  const auto list = list_folder(path);
  Source s;
  s.name = fs::path(path).filename().empty() ? fs::path(path).parent_path().filename().string()
                                             : fs::path(path).filename().string();
  s.class_names = list.class_names;
  if (!list.other_files.empty())
    s.note(fmt::format("{} files in the class folders are no images by their names and were left out: {}",
                       sum(list.other_files), counts_text(list.other_files)));
  if (list.beside > 0) s.note(fmt::format("{} files beside the class folders were left out", list.beside));
  if (list.hidden > 0) s.note(fmt::format("{} hidden files and folders were left out", list.hidden));

  const auto subjects = known_subjects(list, path, section.split_by_subject, s);
  static const std::vector<std::int64_t> none;
  auto rows = split_rows(list.labels, section.split_by_subject ? subjects : none, section.val_fraction,
                         section.test_fraction, seed);
  rows.train = limited_rows(rows.train, list.labels, section.limit, seed);
  ImageCounts counts;
  counts.train = static_cast<std::int64_t>(rows.train.size());
  counts.val = static_cast<std::int64_t>(rows.val.size());
  counts.test = static_cast<std::int64_t>(rows.test.size());
  counts.image_bytes = section.channels * section.image_size * section.image_size;
  counts.backdoor = section.backdoor.trigger != config::Trigger::none;
  require_memory(path, counts, usable_memory());

  Facts facts;
  s.train = decode(list, subjects, rows.train, section, facts);
  s.val = decode(list, subjects, rows.val, section, facts);
  s.test = decode(list, subjects, rows.test, section, facts);
  std::vector<std::string> faults;
  for (auto& [row, fault] : facts.faults) faults.push_back(std::move(fault));
  refuse(path, faults, "images cannot be read");
  facts.tell(s, section);
  check_classes(s, path);
  return s;
}

}  // namespace afu::data
