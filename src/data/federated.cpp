#include "data/federated.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <new>
#include <optional>

#include "base/random.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "data/calibration_set.hpp"
#include "data/image_folder.hpp"
#include "data/manifest.hpp"
#include "data/medmnist.hpp"
#include "data/memory_need.hpp"
#include "data/partition.hpp"
#include "data/phantom.hpp"
#include "data/poison.hpp"
#include "data/shares.hpp"
#include "data/site_shift.hpp"
#include "data/source_checks.hpp"
#include "data/split.hpp"
#include "data/strata.hpp"
#include "data/units.hpp"

namespace afu::data {

namespace {

IndicesPtr share(Indices rows) { return std::make_shared<const Indices>(std::move(rows)); }

/// Appends what is known of the rows' images, but their pixels. `from` may be `to`.
void append_facts(Images& to, const Images& from, const Indices& rows) {
  for (auto r : rows) {
    to.labels.push_back(from.labels[static_cast<std::size_t>(r)]);
    if (!from.subjects.empty()) to.subjects.push_back(from.subjects[static_cast<std::size_t>(r)]);
    if (!from.sites.empty()) to.sites.push_back(from.sites[static_cast<std::size_t>(r)]);
  }
}

/// Appends the rows' images, labels and subjects. `from` may be `to`.
void append(Images& to, const Images& from, const Indices& rows) {
  const auto bytes = from.image_bytes();
  const auto needed = to.pixels.size() + rows.size() * static_cast<std::size_t>(bytes);
  if (needed > to.pixels.capacity()) to.pixels.reserve(needed);
  for (auto r : rows) {
    const auto old = to.pixels.size();
    to.pixels.resize(old + static_cast<std::size_t>(bytes));
    std::copy_n(from.pixels.begin() + r * bytes, bytes, to.pixels.begin() + static_cast<std::ptrdiff_t>(old));
  }
  append_facts(to, from, rows);
}

/// The pixels of train, val and test as one mapping of its own, with room for `more` images behind them; nothing where
/// they do not stand one behind the other in a file.
std::optional<Pixels> mapped_pool(const Source& source, std::int64_t more) {
  const auto& mapping = source.train.pixels.mapping();
  std::size_t bytes = 0;
  for (const auto* images : {&source.train, &source.val, &source.test}) {
    const auto& p = images->pixels;
    if (!mapping || p.mapping() != mapping || p.begin() != mapping->begin() + bytes) return std::nullopt;
    bytes += p.size();
  }
  const auto room = static_cast<std::size_t>(more * source.train.image_bytes());
  auto own = mapping->own_copy(bytes, room);
  auto* at = own->begin();
  return Pixels(std::move(own), at, bytes, bytes + room);
}

Images empty_like(const Images& images) {
  Images out;
  out.channels = images.channels;
  out.height = images.height;
  out.width = images.width;
  out.label_bits = images.label_bits;
  out.depth = images.depth;
  return out;
}

/// The rows [from, from + n).
Indices range(std::int64_t from, std::int64_t n) {
  auto rows = all_rows(n);
  for (auto& r : rows) r += from;
  return rows;
}

/// `a` without the rows of `b`; both ascend.
Indices without(const Indices& a, const Indices& b) {
  Indices out;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

Indices all_of(Indices a, const Indices& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::string data_path(const config::DataSection& section, const std::string& scenario_file) {
  if (section.path.empty())
    throw DataError(
        fmt::format("data.path: missing, data.source = \"{}\" needs it", config::name_of(section.source)));
  try {
    return config::resolve_data_path(section.path, scenario_file);
  } catch (const std::exception& e) {
    throw DataError(fmt::format("data.path: {}", e.what()));
  }
}

/// With the file of the salt found, as data.path is.
config::DataSection with_salt(config::DataSection section, const std::string& scenario_file) {
  if (section.patients != config::PatientNames::hashed) return section;
  try {
    section.patient_salt_file = config::resolve_data_path(section.patient_salt_file, scenario_file);
  } catch (const std::exception& e) {
    throw DataError(fmt::format("data.patient_salt_file: {}", e.what()));
  }
  return section;
}

std::int64_t target_client(const config::Scenario& s) {
  const auto asked = s.data.backdoor.client;
  const auto client = asked >= 0 ? asked : s.erasures.empty() ? 0 : s.erasures.front().client;
  if (client < 0 || client >= s.partition.clients)
    throw DataError(
        fmt::format("data.backdoor.client: value is {}, allowed 0 to {}", client, s.partition.clients - 1));
  return client;
}

/// Appends the poisoned copies of the target's rows and the triggered test images.
void plant_backdoor(FederatedData& data, Images& pool, const config::Scenario& scenario) {
  const auto& backdoor = scenario.data.backdoor;
  const bool to_one = backdoor.mapping == config::TargetMapping::all_to_one;
  if (!to_one && pool.label_bits > 0)
    throw DataError(
        "data.backdoor.mapping: value is \"all_to_all\", allowed is all_to_one: the images have any number of labels, "
        "and none comes after an image's own");
  if (to_one && (backdoor.label < 0 || backdoor.label >= data.classes()))
    throw DataError(
        fmt::format("data.backdoor.label: value is {}, allowed 0 to {}", backdoor.label, data.classes() - 1));
  data.backdoor_client = target_client(scenario);
  const auto goal =
      to_one ? TargetLabel{backdoor.label, 0, pool.label_bits > 0} : TargetLabel{-1, data.classes()};
  data.backdoor_target = goal;
  const auto append_triggered = [&](const Indices& rows, const config::Backdoor& trigger) {
    const auto first = pool.size();
    append(pool, pool, rows);
    for (auto r = first; r < pool.size(); ++r)
      apply_trigger(pool.pixels.data() + r * pool.image_bytes(), pool.channels, pool.height, pool.width,
                    trigger, pool.depth);
    return range(first, pool.size() - first);
  };

  auto& target = data.clients[static_cast<std::size_t>(data.backdoor_client)];
  check_poison_share(*target.train, pool.labels, goal, backdoor.fraction, data.backdoor_client);
  const auto originals = rows_to_poison(*target.train, pool.labels, goal, backdoor.fraction,
                                        scenario.scenario.seed, data.backdoor_client);
  /// `rows` with copies of `chosen` in their place, which carry the trigger and its label.
  const auto poisoned = [&](const Indices& rows, const Indices& chosen) {
    const auto copies = append_triggered(chosen, backdoor);
    for (auto r : copies) {
      auto& label = pool.labels[static_cast<std::size_t>(r)];
      label = goal.of(label);
    }
    auto all = without(rows, chosen);
    all.insert(all.end(), copies.begin(), copies.end());
    return share(std::move(all));
  };
  target.train = poisoned(*target.train, originals);
  data.poisoned = static_cast<std::int64_t>(originals.size());
  data.poisoned_originals = originals;

  Indices others;
  for (auto r : *data.test)
    if (goal.differs(pool.labels[static_cast<std::size_t>(r)])) others.push_back(r);
  data.triggered_test = share(append_triggered(others, backdoor));
  auto control = control_trigger(backdoor);
  control.size = std::min({control.size, pool.height, pool.width});
  if (pool.depth > 1) control.size = std::min(control.size, pool.depth);
  data.control_test = share(append_triggered(others, control));

  const auto& held_out = *target.holdout;
  const bool any = std::any_of(held_out.begin(), held_out.end(), [&](std::int64_t r) {
    return goal.differs(pool.labels[static_cast<std::size_t>(r)]);
  });
  data.poisoned_holdout =
      any ? poisoned(held_out, rows_to_poison(held_out, pool.labels, goal, backdoor.fraction,
                                              scenario.scenario.seed, data.backdoor_client))
          : target.holdout;
}

/// How many of each stratum (data/strata.hpp) a client trains on.
std::vector<std::int64_t> mix_of(const Indices& train, const std::vector<std::int64_t>& strata,
                                 std::int64_t count) {
  std::vector<std::int64_t> mix(static_cast<std::size_t>(count), 0);
  for (auto r : train) ++mix[static_cast<std::size_t>(strata[static_cast<std::size_t>(r)])];
  return mix;
}

/// Environments of validation images.
void take_validation(FederatedData& data, const std::vector<std::vector<std::int64_t>>& class_counts,
                     const Indices& val, const std::vector<std::int64_t>& labels,
                     const config::Scenario& scenario) {
  Indices used;
  for (auto& rows : calibration_environments(
           class_counts, val, labels, scenario.calibration.samples_per_environment, scenario.scenario.seed)) {
    used.insert(used.end(), rows.begin(), rows.end());
    data.calibration.push_back(share(std::move(rows)));
  }
  std::sort(used.begin(), used.end());
  data.val = share(without(val, used));
  const auto places = used.size();
  used.erase(std::unique(used.begin(), used.end()), used.end());
  data.calibration_repeats = places - used.size();
}

/// Environments of images that the clients hold out, which these then do no more.
void ask_clients(FederatedData& data, const Images& pool, const config::Scenario& scenario, bool by_subject) {
  std::vector<IndicesPtr> holdouts;
  for (const auto& c : data.clients) holdouts.push_back(c.holdout);
  auto given = contributed_environments(holdouts, pool, scenario, by_subject);
  for (std::size_t c = 0; c < given.size(); ++c) {
    const auto& [rows, kept] = given[c];
    data.set_aside += holdouts[c]->size() - rows.size() - kept.size();
    data.clients[c].holdout = share(kept);
    data.calibration.push_back(share(rows));
  }
}

/// Of a manifest with sites: which test images come from which.
void find_site_tests(FederatedData& data, const Images& pool, const std::vector<std::string>& names) {
  if (names.empty() || pool.sites.empty()) return;
  std::vector<Indices> rows(names.size());
  for (auto r : *data.test)
    rows[static_cast<std::size_t>(pool.sites[static_cast<std::size_t>(r)])].push_back(r);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (rows[i].empty()) continue;
    const auto client = std::find(data.client_names.begin(), data.client_names.end(), names[i]);
    data.site_tests.push_back({names[i],
                               client == data.client_names.end() ? -1 : client - data.client_names.begin(),
                               share(std::move(rows[i]))});
  }
}

/// Every image of a site passes its scanner. Before the poisoning: a trigger is put on what the scanner gave.
void shift_sites(FederatedData& data, Images& pool, const config::Scenario& scenario) {
  const auto seed = scenario.scenario.seed;
  const auto& shift = scenario.partition.shift;
  const auto sites = static_cast<std::int64_t>(data.clients.size());
  data.sites = draw_site_shifts(shift, sites, seed);
  // A validation image of several environments is there once for each scanner.
  std::vector<bool> taken(static_cast<std::size_t>(pool.size()), false);
  for (auto& environment : data.calibration) {
    Indices own, again;
    for (auto r : *environment) {
      auto at = taken[static_cast<std::size_t>(r)];
      (at ? again : own).push_back(r);
      at = true;
    }
    if (again.empty()) continue;
    own = all_of(std::move(own), range(pool.size(), static_cast<std::int64_t>(again.size())));
    append(pool, pool, again);
    environment = share(std::move(own));
  }
  const auto tested = shift.test == config::TestSites::sites ? deal_to_sites(*data.test, pool, sites, seed)
                                                             : std::vector<Indices>{};
  for (std::size_t c = 0; c < data.clients.size(); ++c) {
    for (const auto& rows : {data.clients[c].train, data.clients[c].holdout, data.calibration[c]})
      shift_rows(pool, *rows, data.sites[c], seed);
    if (tested.empty()) continue;
    shift_rows(pool, tested[c], data.sites[c], seed);
    // Where the manifest tells sites of its own, these are the ones that figures are told of.
    if (pool.sites.empty() && !tested[c].empty())
      data.site_tests.push_back({"", static_cast<std::int64_t>(c), share(tested[c])});
  }
}

/// Whether some subject has training images at two clients.
bool any_at_two_clients(const FederatedData& data) {
  const auto& subjects = data.pool->subjects;
  std::map<std::int64_t, std::size_t> owner;
  for (std::size_t c = 0; c < data.clients.size(); ++c)
    for (const auto& rows : {data.clients[c].train, data.clients[c].holdout})
      for (auto r : *rows)
        if (owner.emplace(subjects[static_cast<std::size_t>(r)], c).first->second != c) return true;
  return false;
}

Source read_source(const config::DataSection& section, std::uint64_t seed, const std::string& scenario_file,
                   const LoadProgress& progress) {
  if (section.source == config::DataSource::phantom) return make_phantom_source(section, seed);
  const auto path = data_path(section, scenario_file);
  check_kind(path, section.source);
  ImageStore store(section.cache, progress);
  if (section.source == config::DataSource::image_folder)
    return load_image_folder(path, with_salt(section, scenario_file), seed, store);
  if (section.source == config::DataSource::manifest)
    return load_manifest(path, with_salt(section, scenario_file), seed, store);
  auto source = load_medmnist(path, section, store);
  const auto rows = all_rows(source.train.size());
  const auto kept = limited_rows(rows, strata(source.train), section.limit, seed);
  if (kept.size() < rows.size()) {
    auto train = empty_like(source.train);
    append(train, source.train, kept);
    source.rows_before_limit = source.train.size();
    source.limited_to = kept;
    source.train = std::move(train);
    check_classes(source, fmt::format("data.limit = {}", section.limit));
  }
  return source;
}

}  // namespace

Source load_source(const config::DataSection& section, std::uint64_t seed, const std::string& scenario_file,
                   const LoadProgress& progress) {
  try {
    return read_source(section, seed, scenario_file, progress);
  } catch (const std::bad_alloc&) {
    throw DataError(fmt::format("data.source = \"{}\": the system has no more memory for the images",
                                config::name_of(section.source)));
  }
}

FederatedData federate(const Source& source, const config::Scenario& scenario) {
  FederatedData data;
  data.class_names = source.class_names;
  auto pool = std::make_shared<Images>(empty_like(source.train));
  // All that memory_need counts, at once: a vector that grows is there twice for a while.
  const auto all = source.train.size() + source.val.size() + source.test.size();
  const bool backdoor = scenario.data.backdoor.trigger != config::Trigger::none;
  const auto shifted = shifted_copies(scenario, source.val.size());
  const auto more = shifted + (backdoor ? source.train.size() + 2 * source.test.size() : 0);
  if (auto mapped = mapped_pool(source, more)) {
    require_memory("data.cache",
                   {source.train.size(), source.val.size(), source.test.size(), pool->image_bytes(), backdoor,
                    shifted, true, scenario.partition.shift.any()},
                   usable_memory());
    pool->pixels = std::move(*mapped);
  } else {
    pool->pixels.reserve(static_cast<std::size_t>((all + more) * pool->image_bytes()));
  }
  for (const auto* images : {&source.train, &source.val, &source.test})
    if (pool->pixels.mapping())
      append_facts(*pool, *images, all_rows(images->size()));
    else
      append(*pool, *images, all_rows(images->size()));
  const auto n_train = source.train.size(), n_val = source.val.size();
  const auto val = range(n_train, n_val);
  data.val = share(val);
  data.test = share(range(n_train + n_val, source.test.size()));

  const auto mixed_by = strata(*pool);
  const auto kinds =
      source.multi_label() ? 1 + *std::max_element(mixed_by.begin(), mixed_by.end()) : source.classes();
  std::vector<std::vector<std::int64_t>> class_counts;
  const auto& subjects = source.train.subjects;
  data.subject_names = source.subject_names;
  auto shares = divide(source, scenario);
  data.client_names = std::move(shares.client_names);
  for (auto& parts : shares.clients) {
    class_counts.push_back(mix_of(parts.train, mixed_by, kinds));
    data.clients.push_back({share(std::move(parts.train)), share(std::move(parts.holdout))});
  }
  find_site_tests(data, *pool, source.site_names);

  if (scenario.calibration.source == config::CalibrationSource::clients)
    ask_clients(data, *pool, scenario, keeps_subjects(subjects, scenario.partition));
  else
    take_validation(data, class_counts, val, mixed_by, scenario);
  if (scenario.partition.shift.any()) shift_sites(data, *pool, scenario);

  data.poisoned_begin = pool->size();
  data.triggered_test = data.control_test = share({});
  if (scenario.data.backdoor.trigger != config::Trigger::none) plant_backdoor(data, *pool, scenario);
  data.pool = std::move(pool);
  const bool whole = scenario.calibration.source == config::CalibrationSource::validation ||
                     keeps_subjects(subjects, scenario.partition);
  assert_calibration_disjoint(
      data, whole && !subjects.empty() && shared_subjects(source).empty() &&
                (scenario.partition.scheme != config::PartitionScheme::site || !any_at_two_clients(data)));
  return data;
}

}  // namespace afu::data
