#include "data/write_manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/input_error.hpp"
#include "base/table_file.hpp"
#include "data/dataset.hpp"
#include "data/image_folder.hpp"

namespace afu::data {

namespace {

namespace fs = std::filesystem;

std::string line(const std::vector<std::string>& cells) {
  std::string out;
  for (const auto& c : cells) out += (out.empty() ? "" : ",") + base::table_cell(c);
  return out + '\n';
}

/// As the manifest is to name it.
std::string named(const fs::path& file, const fs::path& manifest) {
  const auto whole = fs::absolute(file).lexically_normal();
  const auto relative = whole.lexically_relative(fs::absolute(manifest).lexically_normal().parent_path());
  return relative.empty() || *relative.begin() == ".." ? whole.string() : relative.string();
}

/// The first of `names`, and how many there are.
std::string some_names(const std::vector<std::string>& names) {
  constexpr std::size_t most = 5;
  const auto shown = std::min(most, names.size());
  return fmt::format("{}{}",
                     fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                     names.size() > shown ? fmt::format(" and {} more", names.size() - shown) : "");
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::vector<fs::path> images_of(const fs::path& participant, const std::string& suffix) {
  std::vector<fs::path> found;
  std::error_code ec;
  for (fs::recursive_directory_iterator i(participant, ec), end; !ec && i != end; i.increment(ec)) {
    const auto name = i->path().filename().string();
    if (ends_with(name, "_" + suffix + ".nii") || ends_with(name, "_" + suffix + ".nii.gz"))
      found.push_back(i->path());
  }
  if (ec) throw DataError(fmt::format("{}: cannot be listed: {}", participant.string(), ec.message()));
  std::sort(found.begin(), found.end());
  return found;
}

std::size_t column_of(const base::Table& table, const fs::path& file, const std::string& name) {
  if (const auto at = table.column(name)) return *at;
  throw DataError(fmt::format("{}: has no column {:?}; its columns are {}", file.string(), name,
                              fmt::join(table.header, ", ")));
}

base::Table participants_of(const fs::path& file) {
  try {
    return base::read_table(file.string());
  } catch (const InputError& e) {
    throw DataError(e.what());
  }
}

}  // namespace

bool is_bids(const fs::path& folder) {
  std::error_code ec;
  return fs::exists(folder / "participants.tsv", ec);
}

WrittenManifest manifest_of_classes(const fs::path& folder, const fs::path& manifest) {
  WrittenManifest out;
  const auto set = list_image_folder(folder.string(), out.notes);
  for (const auto& u : set.unusable) out.notes.push_back("left out: " + u.text);
  const bool subjects =
      std::all_of(set.rows.begin(), set.rows.end(), [](const FileRow& row) { return row.subject >= 0; });
  out.text = subjects ? "path,label,subject\n" : "path,label\n";
  for (const auto& row : set.rows) {
    std::vector<std::string> cells{named(row.path, manifest),
                                   set.class_names[static_cast<std::size_t>(row.label)]};
    if (subjects) cells.push_back(set.subject_names.at(row.subject));
    out.text += line(cells);
    ++out.rows;
  }
  return out;
}

WrittenManifest manifest_of_bids(const fs::path& folder, const fs::path& manifest,
                                 const BidsRequest& request) {
  const auto file = folder / "participants.tsv";
  const auto table = participants_of(file);
  const auto id = column_of(table, file, "participant_id"), label = column_of(table, file, request.label);
  const bool sites = !request.site.empty();
  const auto site = sites ? column_of(table, file, request.site) : 0;

  WrittenManifest out;
  out.text = sites ? "path,label,subject,site\n" : "path,label,subject\n";
  std::vector<std::string> odd, unlabelled, absent, empty, strangers;
  std::set<std::string> known;
  for (const auto& row : table.rows) {
    if (row.cells.size() != table.header.size()) {
      odd.push_back(fmt::format("line {}", row.line));
      continue;
    }
    const auto& name = row.cells[id];
    known.insert(name);
    const auto none = [](const std::string& cell) { return cell.empty() || cell == "n/a"; };
    std::error_code ec;
    if (none(row.cells[label]) || (sites && none(row.cells[site]))) {
      unlabelled.push_back(name);
    } else if (name.find('/') != std::string::npos || !fs::is_directory(folder / name, ec)) {
      absent.push_back(name);
    } else {
      const auto images = images_of(folder / name, request.suffix);
      if (images.empty()) empty.push_back(name);
      for (const auto& image : images) {
        std::vector<std::string> cells{named(image, manifest), row.cells[label], name};
        if (sites) cells.push_back(row.cells[site]);
        out.text += line(cells);
        ++out.rows;
      }
    }
  }
  std::error_code ec;
  for (fs::directory_iterator i(folder, ec), end; !ec && i != end; i.increment(ec)) {
    const auto name = i->path().filename().string();
    if (name.rfind("sub-", 0) == 0 && !known.count(name)) strangers.push_back(name);
  }
  if (ec) throw DataError(fmt::format("{}: cannot be listed: {}", folder.string(), ec.message()));
  std::sort(strangers.begin(), strangers.end());
  const auto tell = [&](const std::vector<std::string>& names, const std::string& what) {
    if (!names.empty()) out.notes.push_back(fmt::format("{} {}: {}", names.size(), what, some_names(names)));
  };
  tell(odd, "rows of participants.tsv have more or fewer cells than its header and were left out");
  tell(unlabelled, fmt::format("participants have no {}{} and were left out", request.label,
                               sites ? " or " + request.site : ""));
  tell(absent, "participants have no folder and were left out");
  tell(empty,
       fmt::format("participants have no image *_{}.nii or .nii.gz and were left out", request.suffix));
  tell(strangers, "folders are of nobody in participants.tsv and were left out");
  if (out.rows == 0)
    throw DataError(fmt::format("{}: no participant has both a {} and an image *_{}.nii or .nii.gz",
                                folder.string(), request.label, request.suffix));
  return out;
}

}  // namespace afu::data
