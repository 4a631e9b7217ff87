#include "data/describe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/sha256.hpp"
#include "config/scenario.hpp"
#include "config/text.hpp"
#include "data/site_shift.hpp"
#include "data/split.hpp"
#include "data/strata.hpp"
#include "data/units.hpp"

namespace afu::data {

namespace {

constexpr std::size_t most_rows = 100;

/// Rows of cells in columns: the first aligned left, the others right.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { add(std::move(header)); }
  void add(std::vector<std::string> cells) {
    widths_.resize(std::max(widths_.size(), cells.size()), 0);
    for (std::size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], cells[i].size());
    rows_.push_back(std::move(cells));
  }
  std::string text() const {
    std::string out;
    for (const auto& row : rows_) {
      std::string line = "  ";
      for (std::size_t i = 0; i < row.size(); ++i)
        line +=
            i == 0 ? fmt::format("{:<{}}", row[i], widths_[i]) : fmt::format("  {:>{}}", row[i], widths_[i]);
      out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return out;
  }

 private:
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

std::vector<std::int64_t> histogram(const Images& images, const Indices& rows, std::int64_t classes) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(classes), 0);
  if (images.label_bits > 0) {
    for (auto r : rows)
      for (std::int64_t l = 0; l < classes; ++l)
        counts[static_cast<std::size_t>(l)] +=
            has_label(images.labels[static_cast<std::size_t>(r)], l) ? 1 : 0;
    return counts;
  }
  for (auto r : rows) ++counts[static_cast<std::size_t>(images.labels[static_cast<std::size_t>(r)])];
  return counts;
}

std::size_t subject_count(const Images& images, const Indices& rows) {
  std::set<std::int64_t> seen;
  for (auto r : rows) seen.insert(images.subjects[static_cast<std::size_t>(r)]);
  return seen.size();
}

template <class Number>
std::string cell(Number n) {
  return fmt::format("{}", n);
}

std::string shape_text(const Images& im) {
  if (im.depth > 1)
    return fmt::format("volumes of {} x {} x {} x {} (channels x slices x height x width), uint8",
                       im.channels, im.depth, im.height, im.width);
  return fmt::format("{} x {} x {} (channels x height x width), uint8", im.channels, im.height, im.width);
}

/// "Leiden 40, Utrecht 38": the sites with their images in all splits.
std::string sites_text(const Source& source) {
  std::vector<std::int64_t> counts(source.site_names.size(), 0);
  for (const auto* images : {&source.train, &source.val, &source.test})
    for (auto s : images->sites) ++counts[static_cast<std::size_t>(s)];
  std::string text;
  for (std::size_t i = 0; i < std::min(counts.size(), most_rows); ++i)
    text += fmt::format("{}{} {}", i ? ", " : "", source.site_names[i], counts[i]);
  return text + (counts.size() > most_rows ? fmt::format(" and {} more", counts.size() - most_rows) : "");
}

/// "14, any number an image: 0.72 on the mean, 53 % of the images have none"
std::string labels_text(const Source& source) {
  std::int64_t images = 0, labels = 0, none = 0;
  for (const auto* split : {&source.train, &source.val, &source.test})
    for (auto set : split->labels) {
      ++images;
      labels += labels_in(set);
      none += set == 0 ? 1 : 0;
    }
  const auto n = static_cast<double>(std::max<std::int64_t>(1, images));
  return fmt::format("{}, any number an image (multi-label): {:.2f} on the mean, {} of {} images have none",
                     source.classes(), static_cast<double>(labels) / n, none, images);
}

/// What an answer of the network is about.
const char* unit_of(bool multi_label) { return multi_label ? "label" : "class"; }

/// Of shapes, labels and pixels of the three splits: what a run is given, however the files store it.
std::string pixels_sha256(const Source& source) {
  base::Sha256 hash;
  for (const auto* images : {&source.train, &source.val, &source.test}) {
    for (const auto number : {images->size(), images->channels, images->height, images->width})
      hash.update(&number, sizeof number);
    if (images->depth > 1) hash.update(&images->depth, sizeof images->depth);
    hash.update(images->labels.data(), images->labels.size() * sizeof(std::int64_t));
    hash.update(images->pixels.data(), images->pixels.size());
  }
  return hash.hex();
}

}  // namespace

std::string describe_source(const Source& source) {
  auto out = fmt::format("data set   {}\nimages     {}\n", config::printable(source.name, true),
                         shape_text(source.train));
  const auto* unit = unit_of(source.multi_label());
  if (source.multi_label()) out += fmt::format("labels     {}\n", labels_text(source));
  if (source.md5.empty()) out += fmt::format("pixels     sha256 {}\n", pixels_sha256(source));
  if (!source.md5.empty()) out += fmt::format("md5        {}\n", source.md5);
  if (!source.official.empty()) out += fmt::format("origin     {}\n", source.official);
  if (!source.train.subjects.empty()) {
    const auto shared = shared_subjects(source).size();
    out += shared == 0
               ? "subjects   no subject stands in two splits\n"
               : fmt::format("subjects   {} stand in more than one split: test figures are optimistic\n",
                             shared);
  }

  if (!source.site_names.empty())
    out += fmt::format("sites      {}\n", config::printable(sites_text(source), true));

  std::vector<std::string> header{"split", "images"};
  if (!source.train.subjects.empty()) header.emplace_back("subjects");
  for (std::int64_t c = 0; c < source.classes(); ++c) header.push_back(fmt::format("{} {}", unit, c));
  Table table(header);
  for (const auto& [name, images] :
       {std::pair{"train", &source.train}, {"val", &source.val}, {"test", &source.test}}) {
    const auto rows = all_rows(images->size());
    std::vector<std::string> line{name, cell(images->size())};
    if (!source.train.subjects.empty()) line.push_back(cell(subject_count(*images, rows)));
    for (auto n : histogram(*images, rows, source.classes())) line.push_back(cell(n));
    table.add(std::move(line));
  }
  out += "\n" + table.text() + "\n";
  for (std::size_t c = 0; c < source.class_names.size(); ++c)
    out += fmt::format("  {} {}: {}\n", unit, c, config::printable(source.class_names[c], true));
  if (!source.notes.empty()) out += "\n";
  for (const auto& note : source.notes) out += fmt::format("  note: {}\n", config::printable(note, true));
  return out;
}

std::vector<std::string> federation_notes(const FederatedData& data, const config::Scenario& scenario) {
  std::vector<std::string> notes;
  const auto& subjects = data.pool->subjects;
  std::unordered_map<std::int64_t, std::size_t> owner;
  std::unordered_set<std::int64_t> shared;
  if (!subjects.empty())
    for (std::size_t c = 0; c < data.clients.size(); ++c)
      for (const auto& rows : {data.clients[c].train, data.clients[c].holdout})
        for (auto r : *rows) {
          const auto subject = subjects[static_cast<std::size_t>(r)];
          if (owner.emplace(subject, c).first->second != c) shared.insert(subject);
        }
  if (!shared.empty())
    notes.push_back(
        fmt::format("{} of {} subjects have images at more than one client", shared.size(), owner.size()));

  const auto wanted = static_cast<std::size_t>(scenario.calibration.samples_per_environment);
  const bool validation = scenario.calibration.source == config::CalibrationSource::validation;
  const auto small = std::count_if(data.calibration.begin(), data.calibration.end(),
                                   [&](const IndicesPtr& rows) { return rows->size() < wanted; });
  if (validation && small > 0)
    notes.push_back(fmt::format(
        "{} of {} calibration environments have fewer than calibration.samples_per_environment = {} "
        "images: validation has no more of their classes",
        small, data.calibration.size(), wanted));
  if (data.multi_label()) {
    const auto s = label_sets(data.pool->labels);
    if (s.rare > 0)
      notes.push_back(fmt::format(
          "images have {} different label sets, whose mix the partition, the calibration and the limit keep; {} "
          "of them, on fewer than {} images each ({} in all), count as one",
          s.sets, s.rare, least_of_stratum, s.rare_images));
  }
  if (data.set_aside > 0)
    notes.push_back(
        fmt::format("{} held-out images are neither non-members nor calibrate: others of their subjects are "
                    "in the calibration set",
                    data.set_aside));
  return notes;
}

namespace {

/// What each site's scanner does.
std::string describe_sites(const FederatedData& data, const config::SiteShiftSection& shift) {
  if (data.sites.empty()) return "";
  auto out =
      fmt::format("\nscanners   {}; test images: {}\n", strengths_text(shift),
                  shift.test == config::TestSites::sites ? "divided evenly among them" : "of none of them");
  Table table({"client", "gamma", "gain", "bias field", "blur", "noise"});
  for (std::size_t i = 0; i < std::min(data.sites.size(), most_rows); ++i) {
    const auto& s = data.sites[i];
    table.add({i < data.client_names.size()
                   ? fmt::format("{} {}", i, config::printable(data.client_names[i], true))
                   : cell(i),
               fmt::format("{:.3f}", s.gamma), fmt::format("{:.3f}", s.gain), fmt::format("{:.3f}", s.bias),
               fmt::format("{:.3f}", s.blur), fmt::format("{:.4f}", s.noise)});
  }
  out += "\n" + table.text();
  if (data.sites.size() > most_rows) out += fmt::format("  ... and {} more\n", data.sites.size() - most_rows);
  return out;
}

}  // namespace

std::string describe_federation(const FederatedData& data, const config::Scenario& scenario) {
  const auto& pool = *data.pool;
  const bool subjects = !pool.subjects.empty();
  const auto& p = scenario.partition;
  auto out = fmt::format("partition  {}, {} clients", config::name_of(p.scheme), data.clients.size());
  if (p.scheme == config::PartitionScheme::dirichlet || p.scheme == config::PartitionScheme::dirichlet_client)
    out += fmt::format(", alpha {}", p.alpha);
  if (p.scheme == config::PartitionScheme::pathological)
    out += fmt::format(", {} classes each", p.classes_per_client);
  out += fmt::format(", seed {}\n", scenario.scenario.seed);

  std::vector<std::string> header{"client", "train"};
  for (std::int64_t c = 0; c < data.classes(); ++c)
    header.push_back(fmt::format("{} {}", unit_of(data.multi_label()), c));
  header.insert(header.end(), {"poisoned", "hold-out", "calibration"});
  if (subjects) header.emplace_back("subjects");
  Table table(header);
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < data.clients.size(); ++i) {
    const auto& client = data.clients[i];
    sizes.push_back(client.train->size());
    if (i >= most_rows) continue;
    std::vector<std::string> line{i < data.client_names.size()
                                      ? fmt::format("{} {}", i, config::printable(data.client_names[i], true))
                                      : cell(i),
                                  cell(client.train->size())};
    for (auto n : histogram(pool, *client.train, data.classes())) line.push_back(cell(n));
    line.push_back(static_cast<std::int64_t>(i) == data.backdoor_client ? cell(data.poisoned) : "0");
    line.push_back(cell(client.holdout->size()));
    line.push_back(cell(data.calibration[i]->size()));
    if (subjects) line.push_back(cell(subject_count(pool, *client.train)));
    table.add(std::move(line));
  }
  out += "\n" + table.text();
  if (data.clients.size() > most_rows)
    out += fmt::format("  ... and {} more\n", data.clients.size() - most_rows);

  std::sort(sizes.begin(), sizes.end());
  out += fmt::format("\n  training samples a client: {} to {}, median {}\n", sizes.front(), sizes.back(),
                     sizes[sizes.size() / 2]);
  std::set<std::int64_t> calibration;
  for (const auto& e : data.calibration) calibration.insert(e->begin(), e->end());
  if (scenario.calibration.source == config::CalibrationSource::clients)
    out +=
        fmt::format("  test {}, validation {}; {} of the clients' held-out images in the calibration set\n",
                    data.test->size(), data.val->size(), calibration.size());
  else
    out += fmt::format("  test {}, validation {} and {} more in the calibration set\n", data.test->size(),
                       data.val->size(), calibration.size());
  if (data.backdoor_client >= 0)
    out += fmt::format(
        "  backdoor: {} of client {}'s samples carry the trigger \"{}\" and {}; {} triggered test "
        "images\n",
        data.poisoned, data.backdoor_client, config::name_of(scenario.data.backdoor.trigger),
        data.backdoor_target.adds ? fmt::format("label {} beside their own", data.backdoor_target.label)
        : data.backdoor_target.label >= 0 ? fmt::format("label {}", data.backdoor_target.label)
                                          : "the label after their own",
        data.triggered_test->size());
  out += describe_sites(data, p.shift);
  for (const auto& note : federation_notes(data, scenario))
    out += fmt::format("  note: {}\n", config::printable(note, true));
  return out;
}

}  // namespace afu::data
