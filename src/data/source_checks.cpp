#include "data/source_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

namespace afu::data {

namespace {

constexpr std::size_t most_named = 5;

std::set<std::int64_t> classes_in(const Images& images) {
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
  source.note(fmt::format("no {} image is of class {}{}", split, fmt::join(missing, ", "),
                          more ? fmt::format(" and {} more", more) : ""));
}

}  // namespace

void check_classes(Source& source, const std::string& where) {
  const auto present = classes_in(source.train);
  if (present.size() < 2)
    throw DataError(present.empty() ? fmt::format("{}: there is no training image", where)
                                    : fmt::format("{}: the label of every training image is {}, at least 2 "
                                                  "classes are needed",
                                                  where, *present.begin()));
  note_missing(source, source.train, "training");
  note_missing(source, source.test, "test");
}

}  // namespace afu::data
