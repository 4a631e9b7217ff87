#include "data/source_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include "base/sha256.hpp"
#include "data/input_file.hpp"
#include "data/label_set.hpp"
#include "data/parallel.hpp"

namespace afu::data {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_named = 5;

const char* what_it_reads(config::DataSource source) {
  switch (source) {
    case config::DataSource::image_folder:
      return "a folder";
    case config::DataSource::manifest:
      return "a table";
    default:
      return "a zip archive, as .npz files are";
  }
}

/// The classes, or the labels, that some image has.
std::set<std::int64_t> classes_in(const Images& images) {
  if (images.label_bits > 0) {
    std::set<std::int64_t> labels;
    for (std::int64_t l = 0; l < images.label_bits; ++l)
      if (std::any_of(images.labels.begin(), images.labels.end(),
                      [&](std::int64_t set) { return has_label(set, l); }))
        labels.insert(l);
    return labels;
  }
  return {images.labels.begin(), images.labels.end()};
}

void note_missing(Source& source, const Images& images, const char* split) {
  const auto present = classes_in(images);
  std::vector<std::string> missing;
  for (std::int64_t c = 0; c < source.classes(); ++c)
    if (!present.count(c))
      missing.push_back(fmt::format("{} ({})", c, source.class_names[static_cast<std::size_t>(c)]));
  if (missing.empty()) return;
  const auto more = missing.size() > most_named ? missing.size() - most_named : 0;
  missing.resize(missing.size() - more);
  source.note(fmt::format("no {} image {} {}{}", split, source.multi_label() ? "has label" : "is of class",
                          fmt::join(missing, ", "), more ? fmt::format(" and {} more", more) : ""));
}

/// Labels of which no split has an image, as where somebody counted classes from 1.
void note_unused_labels(Source& source) {
  std::set<std::int64_t> present;
  for (const auto* images : {&source.train, &source.val, &source.test}) {
    const auto some = classes_in(*images);
    present.insert(some.begin(), some.end());
  }
  std::vector<std::string> unused;
  for (std::int64_t c = 0; c < source.classes(); ++c)
    if (!present.count(c)) unused.push_back(std::to_string(c));
  if (unused.empty()) return;
  const bool from_one = unused.size() == 1 && unused.front() == "0";
  const auto more = unused.size() > most_named ? unused.size() - most_named : 0;
  unused.resize(unused.size() - more);
  source.note(from_one
                  ? fmt::format("labels begin at 1: there is a class 0 without any image, {} classes in all",
                                source.classes())
                  : fmt::format("labels have holes: no image at all is of class {}{}",
                                fmt::join(unused, ", "), more ? fmt::format(" and {} more", more) : ""));
}

/// Images that stand in two splits, byte by byte: what was learned of one tells of the other.
void note_repeated_images(Source& source, const std::vector<ImageDigest>& digests) {
  const std::array splits{std::pair{"training", source.train.size()},
                          std::pair{"validation", source.val.size()}, std::pair{"test", source.test.size()}};
  std::array<std::vector<ImageDigest>, 3> earlier;
  auto from = digests.begin();
  for (std::size_t s = 0; s < splits.size(); ++s) {
    auto& own = earlier[s];
    own.assign(from, from + splits[s].second);
    from += splits[s].second;
    for (std::size_t other = 0; other < s; ++other) {
      const auto repeated = std::count_if(own.begin(), own.end(), [&](const ImageDigest& d) {
        return std::binary_search(earlier[other].begin(), earlier[other].end(), d);
      });
      if (repeated > 0)
        source.note(fmt::format("{} of {} {} images have the same pixels as one of the {} images", repeated,
                                own.size(), splits[s].first, splits[other].first));
    }
    std::sort(own.begin(), own.end());
  }
}

/// Labels of which there is nothing to learn, and label sets that may well be meant as classes.
void check_labels(Source& source, const std::string& where) {
  const auto& sets = source.train.labels;
  if (sets.empty()) throw DataError(fmt::format("{}: there is no training image", where));
  if (std::all_of(sets.begin(), sets.end(), [&](std::int64_t s) { return s == sets.front(); }))
    throw DataError(fmt::format(
        "{}: every training image has the same labels, one at least is needed that some have and some have not",
        where));
  if (std::all_of(sets.begin(), sets.end(), [](std::int64_t s) { return labels_in(s) == 1; }))
    source.note(
        "every training image has exactly one label: if they exclude each other, they are classes, and one number an "
        "image says so");
}

}  // namespace

std::vector<ImageDigest> image_digests(const Source& source) {
  std::vector<ImageDigest> digests(
      static_cast<std::size_t>(source.train.size() + source.val.size() + source.test.size()));
  std::size_t first = 0;
  for (const auto* images : {&source.train, &source.val, &source.test}) {
    const auto bytes = static_cast<std::size_t>(images->image_bytes());
    parallel_for(images->size(), [&](std::int64_t r) {
      base::Sha256 hash;
      hash.update(images->pixels.data() + static_cast<std::size_t>(r) * bytes, bytes);
      digests[first + static_cast<std::size_t>(r)] = hash.finish();
    });
    first += static_cast<std::size_t>(images->size());
  }
  return digests;
}

std::string pixels_checksum(const std::vector<ImageDigest>& digests) {
  base::Sha256 hash;
  for (const auto& digest : digests) hash.update(digest.data(), digest.size());
  return hash.hex();
}

void check_splits(Source& source, const std::vector<ImageDigest>& digests) {
  if (!source.multi_label()) note_unused_labels(source);
  std::set<std::int64_t> others, validation;
  for (const auto* images : {&source.train, &source.test})
    others.insert(images->subjects.begin(), images->subjects.end());
  for (auto subject : source.val.subjects)
    if (others.count(subject)) validation.insert(subject);
  if (!validation.empty())
    source.note(
        fmt::format("{} subjects stand in the validation split and in another one", validation.size()));
  note_repeated_images(source, digests);
}

std::optional<config::DataSource> source_of(const std::string& path) {
  std::error_code ec;
  const auto status = fs::status(path, ec);
  if (fs::is_directory(status)) return config::DataSource::image_folder;
  if (!fs::is_regular_file(status)) return std::nullopt;
  const auto ending = fs::path(path).extension();
  if (ending == ".csv" || ending == ".tsv") return config::DataSource::manifest;
  const std::vector<std::uint8_t> zip{'P', 'K', 3, 4};
  if (ending != ".xlsx" && read_head(path, zip.size()) == zip) return config::DataSource::npz;
  return std::nullopt;
}

void check_kind(const std::string& path, config::DataSource source) {
  const auto other = source_of(path);
  if (!other || *other == source) return;
  throw DataError(fmt::format("{}: {}, which data.source = {} reads; the value is {}", path,
                              what_it_reads(*other), config::quoted(*other), config::quoted(source)));
}

void check_classes(Source& source, const std::string& where) {
  const auto present = classes_in(source.train);
  if (source.multi_label())
    check_labels(source, where);
  else if (present.size() < 2)
    throw DataError(present.empty() ? fmt::format("{}: there is no training image", where)
                                    : fmt::format("{}: the label of every training image is {}, at least 2 "
                                                  "classes are needed",
                                                  where, *present.begin()));
  note_missing(source, source.train, "training");
  if (source.val.size() > 0) note_missing(source, source.val, "validation");
  note_missing(source, source.test, "test");
}

}  // namespace afu::data
