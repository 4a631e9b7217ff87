#include "data/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/input_error.hpp"
#include "config/sections/data.hpp"
#include "config/text.hpp"
#include "data/input_file.hpp"
#include "data/label_set.hpp"

namespace afu::data {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t max_label = 999;
constexpr char separator = '|';

/// "3" as 3; nothing for what is no whole number from 0 to 999, written plainly.
std::optional<std::int64_t> as_class(const std::string& text) {
  std::int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size() || v < 0 || v > max_label) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;  // 007 is a name
  return v;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// Of a row what the table says, in words.
struct Words {
  std::size_t line = 0;
  std::string path, subject, site, split;
  std::vector<std::string> labels;  ///< one, or, where images may have several, any number
  std::string id;                   ///< the path as the table has it
};

class Manifest {
 public:
  Manifest(const base::Table& table, const std::string& path, const config::DataSection& section)
      : table_(table), columns_(section.columns) {
    set_.where = path;
    set_.is_manifest = true;
    path_ = needed("path", columns_.path);
    label_ = needed("label", columns_.label);
    subject_ = table.column(columns_.subject);
    site_ = table.column(columns_.site);
    split_ = table.column(columns_.split);
    set_.tells_subjects = subject_.has_value();
    sets_ = section.task == config::DataTask::multi_label ||
            (section.task == config::DataTask::auto_ && any_row_names_several());
    one_class_ = section.task == config::DataTask::classes;
    if (!columns_.weight.empty() && table.column(columns_.weight))
      throw DataError(fmt::format(
          "{}: it has a column {:?}, and weights of samples are not served. Take it away, or, where it is no weight of "
          "samples, set data.columns.weight = \"\"",
          path, columns_.weight));
  }

  bool any_row_names_several() const {
    return std::any_of(table_.rows.begin(), table_.rows.end(), [&](const base::TableRow& row) {
      return label_ < row.cells.size() && row.cells[label_].find(separator) != std::string::npos;
    });
  }

  FileSet read() {
    std::vector<Words> rows;
    for (const auto& row : table_.rows) try {
        rows.push_back(words(row));
      } catch (const std::runtime_error& e) {
        set_.unusable.push_back({row.line, fmt::format("{}:{}: {}", set_.where, row.line, e.what())});
      }
    name_classes(rows);
    name_sites(rows);
    for (const auto& w : rows) set_.rows.push_back(file_row(w));
    return std::move(set_);
  }

 private:
  std::size_t needed(const char* key, const std::string& name) const {
    if (const auto at = table_.column(name)) return *at;
    throw DataError(fmt::format("{}: has no column {:?} (data.columns.{}); its columns are {}", set_.where,
                                name, key, fmt::join(table_.header, ", ")));
  }

  static std::string shown(const std::string& text) {
    constexpr std::size_t most = 60;
    return text.size() > most ? text.substr(0, most) + "..." : text;
  }

  const std::string& cell(const base::TableRow& row, std::size_t at, const std::string& column) const {
    const auto& text = row.cells[at];
    if (text.empty()) throw std::runtime_error(fmt::format("its {} is empty", column));
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
      throw std::runtime_error(fmt::format("its {} {:?} has control characters", column, shown(text)));
    if (config::not_utf8_at(text) != std::string::npos)
      throw std::runtime_error(fmt::format("its {} {:?} is no UTF-8", column, shown(text)));
    return text;
  }

  Words words(const base::TableRow& row) {
    if (row.cells.size() != table_.header.size())
      throw std::runtime_error(
          fmt::format("has {} cells, the header {}", row.cells.size(), table_.header.size()));
    Words w;
    w.line = row.line;
    w.path = cell(row, path_, columns_.path);
    if (sets_)
      w.labels = names_in(row);
    else
      w.labels = {cell(row, label_, columns_.label)};
    if (one_class_ && w.labels.front().find(separator) != std::string::npos)
      throw std::runtime_error(
          fmt::format("its {} {:?} names several, and data.task = \"classes\" asks for one class an image",
                      columns_.label, shown(w.labels.front())));
    if (subject_) w.subject = cell(row, *subject_, columns_.subject);
    if (site_) w.site = cell(row, *site_, columns_.site);
    if (split_) w.split = cell(row, *split_, columns_.split);
    if (split_ && w.split != "train" && w.split != "val" && w.split != "test")
      throw std::runtime_error(
          fmt::format("its {} is {:?}, allowed are train, val and test", columns_.split, shown(w.split)));
    w.id = w.path;
    w.path = whole(w.path);
    const auto [first, fresh] = line_of_path_.try_emplace(w.path, row.line);
    if (!fresh)
      throw std::runtime_error(fmt::format("its {} stands in line {} already", columns_.path, first->second));
    return w;
  }

  /// The labels of a row that may have any number of them, none included.
  std::vector<std::string> names_in(const base::TableRow& row) const {
    if (row.cells[label_].empty()) return {};
    std::vector<std::string> names;
    std::string rest = cell(row, label_, columns_.label);
    for (;;) {
      const auto end = rest.find(separator);
      const auto name = trimmed(rest.substr(0, end));
      if (!name.empty() && std::find(names.begin(), names.end(), name) != names.end())
        throw std::runtime_error(fmt::format("its {} names {:?} twice", columns_.label, shown(name)));
      if (!name.empty()) names.push_back(name);
      if (end == std::string::npos) return names;
      rest.erase(0, end + 1);
    }
  }

  std::string whole(const std::string& path) const {
    const fs::path file(path);
    return (file.is_absolute() ? file : fs::path(set_.where).parent_path() / file)
        .lexically_normal()
        .string();
  }

  void name_classes(const std::vector<Words>& rows) {
    std::int64_t largest = -1;
    bool numbers = true;
    for (const auto& w : rows)
      for (const auto& label : w.labels) {
        const auto number = as_class(label);
        numbers = numbers && number;
        if (number) largest = std::max(largest, *number);
        classes_[label] = 0;
      }
    const auto count = numbers ? largest + 1 : static_cast<std::int64_t>(classes_.size());
    if (sets_ && (count < 2 || count > most_labels))
      throw DataError(
          fmt::format("{}: {} different labels where an image may have several, allowed are 2 to {}",
                      set_.where, count, most_labels));
    if (sets_) set_.label_bits = count;
    for (auto& [label, number] : classes_) {
      number = numbers ? *as_class(label) : static_cast<std::int64_t>(set_.class_names.size());
      if (!numbers) set_.class_names.push_back(label);
    }
    for (std::int64_t c = 0; numbers && c < count; ++c)
      set_.class_names.push_back(fmt::format("{} {}", sets_ ? "label" : "class", c));
  }

  std::int64_t label_of(const Words& w) const {
    if (!sets_) return classes_.at(w.labels.front());
    std::int64_t set = 0;
    for (const auto& label : w.labels) set = with_label(set, classes_.at(label));
    return set;
  }

  void name_sites(const std::vector<Words>& rows) {
    for (const auto& w : rows)
      if (site_) sites_[w.site] = 0;
    for (auto& [name, number] : sites_) {
      number = static_cast<std::int64_t>(set_.site_names.size());
      set_.site_names.push_back(name);
    }
  }

  FileRow file_row(const Words& w) {
    FileRow row;
    row.path = w.path;
    row.id = w.id;
    row.line = w.line;
    row.label = label_of(w);
    if (subject_) {
      // By first appearance, so that a name more changes no other's number.
      row.subject =
          subjects_.try_emplace(w.subject, static_cast<std::int64_t>(subjects_.size())).first->second;
      set_.subject_names[row.subject] = w.subject;
    }
    if (site_) row.site = sites_.at(w.site);
    if (split_) row.split = w.split == "train" ? Split::train : w.split == "val" ? Split::val : Split::test;
    return row;
  }

  const base::Table& table_;
  const config::ManifestColumns& columns_;
  std::size_t path_ = 0, label_ = 0;
  bool sets_ = false;       ///< an image may have any number of labels
  bool one_class_ = false;  ///< the scenario insists on one class an image
  std::optional<std::size_t> subject_, site_, split_;
  std::map<std::string, std::size_t> line_of_path_;
  std::map<std::string, std::int64_t> classes_, sites_, subjects_;
  FileSet set_;
};

}  // namespace

FileSet files_of_manifest(const base::Table& table, const std::string& path,
                          const config::DataSection& section) {
  return Manifest(table, path, section).read();
}

Source load_manifest(const std::string& path, const config::DataSection& section, std::uint64_t seed) {
  ImageStore memory;
  return load_manifest(path, section, seed, memory);
}

Source load_manifest(const std::string& path, const config::DataSection& section, std::uint64_t seed,
                     ImageStore& store) {
  require_regular_file(path);
  Source s;
  s.name = fs::path(path).filename().string();
  try {
    const auto table = base::read_table(path);
    auto files = files_of_manifest(table, path, section);
    if (files.label_bits > 0 && section.task == config::DataTask::auto_)
      s.note(
          "some rows name several labels, separated by \"|\": an image has any number of labels, or none (data.task)");
    load_files(std::move(files), section, seed, s, store);
  } catch (const InputError& e) {
    throw DataError(e.what());
  }
  return s;
}

}  // namespace afu::data
