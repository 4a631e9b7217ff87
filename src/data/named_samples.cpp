#include "data/named_samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/table_file.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "config/text.hpp"
#include "data/patients.hpp"
#include "data/shares.hpp"

namespace afu::data {

namespace {

constexpr const char* id_column = "id";
constexpr std::size_t most_told = 8;  ///< ids of a file that are unknown

/// "1 sample", "12 samples".
std::string samples(std::size_t n) { return fmt::format("{} sample{}", n, n == 1 ? "" : "s"); }

/// The nearest of `known`, a file in a folder by its own name too, or how many there are and the first of them. `what`: of several,
/// "subjects".
std::string instead_of(const std::string& name, const std::vector<std::string>& known, const char* what) {
  constexpr std::size_t most = 5;
  const auto in_folder = std::find_if(known.begin(), known.end(), [&](const std::string& k) {
    return k.size() > name.size() + 1 &&
           k.compare(k.size() - name.size() - 1, std::string::npos, "/" + name) == 0;
  });
  if (const auto near = in_folder != known.end() && !name.empty() ? *in_folder : config::nearest(name, known);
      !near.empty())
    return fmt::format("did you mean {}?", config::quoted(near));
  if (known.size() <= most) return "allowed are " + config::quoted_list(known);
  return fmt::format("allowed are the {} {} of the data: {}, ...", known.size(), what,
                     config::quoted_list({known.begin(), known.begin() + most}));
}

/// Where a named sample is.
struct Found {
  Indices train;             ///< rows of the training split
  std::size_t outside = 0;   ///< images of the validation and the test split
  std::size_t left_out = 0;  ///< files, or rows, of no split
};

/// What users may call the samples of a source.
class Names {
 public:
  Names(const Source& source, const config::Scenario& s) : source_(source), s_(s) {
    for (const auto* images : {&source.train, &source.val, &source.test})
      for (auto subject : images->subjects) {
        const auto name = source.subject_names.find(subject);
        subjects_[name == source.subject_names.end() ? std::to_string(subject) : name->second].insert(
            subject);
      }
  }

  /// Throws DataError, without a key.
  Found subject(const std::string& name) const {
    const auto known = subjects_.find(name);
    if (known == subjects_.end()) throw DataError(unknown_subject(name));
    Found found;
    const auto& own = known->second;
    const auto& train = source_.train.subjects;
    for (std::size_t r = 0; r < train.size(); ++r)
      if (own.count(train[r])) found.train.push_back(static_cast<std::int64_t>(r));
    for (const auto* images : {&source_.val, &source_.test})
      for (auto other : images->subjects) found.outside += own.count(other);
    return found;
  }

  /// Likewise.
  Found sample(const std::string& id) {
    if (source_.train.ids.empty()) return row(id);
    if (ids_.empty()) list_ids();
    if (const auto known = ids_.find(id); known != ids_.end()) return known->second;
    std::vector<std::string> all;
    for (const auto& known : ids_) all.push_back(known.first);
    throw DataError(
        fmt::format("{} is no image of the data, {}", config::quoted(id), instead_of(id, all, "paths")));
  }

 private:
  std::string unknown_subject(const std::string& name) const {
    if (subjects_.empty())
      return fmt::format("{} is asked for, and the data tell no subjects", config::quoted(name));
    if (s_.data.patients == config::PatientNames::hashed) {
      auto section = s_.data;
      section.patient_salt_file = config::resolve_data_path(section.patient_salt_file, s_.file);
      const auto hidden = Patients(section).name_of(name);
      if (subjects_.count(hidden))
        return fmt::format(
            "what is given is a PatientID, which data.patients = \"hashed\" keeps out of every output, allowed is {}",
            config::quoted(hidden));
      if (name.rfind("pid-", 0) != 0)
        return "what is given is no subject of the data, which data.patients = \"hashed\" calls \"pid-...\"";
    }
    std::vector<std::string> all;
    for (const auto& known : subjects_) all.push_back(known.first);
    return fmt::format("{} is unknown, {}", config::quoted(name), instead_of(name, all, "subjects"));
  }

  void list_ids() {
    for (std::size_t r = 0; r < source_.train.ids.size(); ++r)
      ids_[source_.train.ids[r]].train.push_back(static_cast<std::int64_t>(r));
    for (const auto* images : {&source_.val, &source_.test})
      for (const auto& id : images->ids) ++ids_[id].outside;
    for (const auto& id : source_.ids_left_out) ++ids_[id].left_out;
  }

  Found row(const std::string& id) const {
    const auto rows = std::max(source_.rows_before_limit, source_.train.size());
    std::int64_t at = 0;
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), at);
    if (error != std::errc{} || end != id.data() + id.size() || at < 0 || at >= rows)
      throw DataError(fmt::format("{} is no row of the training split, allowed are 0 to {}",
                                  config::quoted(id), rows - 1));
    const auto& kept = source_.limited_to;
    if (kept.empty()) return {{at}, 0, 0};
    const auto place = std::lower_bound(kept.begin(), kept.end(), at);
    if (place == kept.end() || *place != at) return {{}, 0, 1};
    return {{place - kept.begin()}, 0, 0};
  }

  const Source& source_;
  const config::Scenario& s_;
  std::map<std::string, std::set<std::int64_t>> subjects_;
  std::map<std::string, Found> ids_;
};

class Naming {
 public:
  Naming(const Source& source, const config::Scenario& s, std::vector<std::string>& notes)
      : s_(s), notes_(notes), names_(source, s), shares_(divide(source, s)) {
    for (std::size_t c = 0; c < shares_.clients.size(); ++c) {
      for (auto r : shares_.clients[c].train) trains_[r] = c;
      for (auto r : shares_.clients[c].holdout) held_out_.insert(r);
    }
  }

  std::vector<config::Erasure> all() {
    for (std::size_t i = 0; i < s_.erasures.size(); ++i) {
      const auto& e = s_.erasures[i];
      if (!e.named()) {
        named_.push_back(e);
      } else if (const auto found = find(i, e)) {
        ask(i, e, *found);
      }
    }
    if (!wrong_.empty()) throw DataError(fmt::format("{}", fmt::join(wrong_, "\n")));
    refuse_behind_the_last_bit();
    return std::move(named_);
  }

 private:
  static std::string key_of(std::size_t erasure) { return fmt::format("erasure[{}]", erasure); }

  /// None where something is wrong with it.
  std::optional<Found> find(std::size_t erasure, const config::Erasure& e) {
    const auto before = wrong_.size();
    Found all;
    const auto add = [&](const std::string& where, auto look) {
      try {
        const auto found = look();
        all.train.insert(all.train.end(), found.train.begin(), found.train.end());
        all.outside += found.outside;
        all.left_out += found.left_out;
      } catch (const DataError& error) {
        wrong_.push_back(fmt::format("{}: {}", where, error.what()));
      }
    };
    if (e.scope == config::Scope::subject) {
      const auto key = key_of(erasure) + ".subject";
      for (std::size_t k = 0; k < e.subjects.size(); ++k)
        add(e.subjects.size() > 1 ? fmt::format("{}[{}]", key, k) : key,
            [&] { return names_.subject(e.subjects[k]); });
    } else {
      const auto listed = ids(erasure, e.file);
      std::set<std::string> fresh;
      for (const auto& [where, id] : listed) {
        if (wrong_.size() >= before + most_told) {
          wrong_.push_back(fmt::format("{}.file: the {} ids behind these were not looked at", key_of(erasure),
                                       listed.size() - fresh.size()));
          break;
        }
        if (fresh.insert(id).second) add(where, [&, &id = id] { return names_.sample(id); });
      }
      if (wrong_.size() == before && fresh.size() < listed.size())
        notes_.push_back(fmt::format("{}.file: {} of its {} ids stand there more than once, and count once",
                                     key_of(erasure), listed.size() - fresh.size(), listed.size()));
    }
    if (wrong_.size() > before) return std::nullopt;
    std::sort(all.train.begin(), all.train.end());
    all.train.erase(std::unique(all.train.begin(), all.train.end()), all.train.end());
    return all;
  }

  /// With the place of each: key, file, line and column.
  std::vector<std::pair<std::string, std::string>> ids(std::size_t erasure, const std::string& file) {
    const auto key = key_of(erasure) + ".file";
    std::vector<std::pair<std::string, std::string>> all;
    try {
      const auto path = config::resolve_data_path(file, s_.file);
      const auto table = base::read_table(path);
      const auto at = table.column(id_column);
      if (!at)
        throw DataError(fmt::format("{}:1: has no column \"{}\"; its columns are {}", path, id_column,
                                    config::quoted_list(table.header)));
      for (const auto& row : table.rows) {
        const auto place = fmt::format("{}: {}:{}: column \"{}\"", key, path, row.line, id_column);
        if (row.cells.size() != table.header.size())
          wrong_.push_back(fmt::format("{}:{}: {} cells are given, allowed are {}", path, row.line,
                                       row.cells.size(), table.header.size()));
        else
          all.emplace_back(place, row.cells[*at]);
      }
      if (table.rows.empty()) throw DataError(path + ": names no sample");
    } catch (const std::runtime_error& error) {
      wrong_.push_back(fmt::format("{}: {}", key, error.what()));
    }
    return all;
  }

  /// Of each client that trains on some of them, or of the one that asks.
  void ask(std::size_t erasure, const config::Erasure& e, const Found& found) {
    std::map<std::size_t, Indices> of_client;
    std::size_t held_out = 0;
    for (auto r : found.train) {
      if (const auto owner = trains_.find(r); owner != trains_.end()) of_client[owner->second].push_back(r);
      held_out += held_out_.count(r);
    }
    const auto what = e.scope == config::Scope::subject ? ".subject" : ".file";
    if (of_client.empty()) {
      wrong_.push_back(fmt::format("{}{}: nobody trains on a sample of it{}: nothing is to be forgotten",
                                   key_of(erasure), what, elsewhere(held_out, found)));
      return;
    }
    if (e.client >= 0 && !of_client.count(static_cast<std::size_t>(e.client))) {
      wrong_.push_back(fmt::format("{}.client: value is {}, which trains on no sample of it, allowed are {}",
                                   key_of(erasure), e.client, listed(of_client)));
      return;
    }
    tell(erasure, e, of_client, held_out, found);
    for (auto& [client, rows] : of_client) {
      if (e.client >= 0 && static_cast<std::int64_t>(client) != e.client) continue;
      named_.push_back(e);
      named_.back().client = static_cast<std::int64_t>(client);
      named_.back().rows = std::move(rows);
    }
  }

  /// ", 3 of its samples are held out, ..."; empty: none are.
  static std::string elsewhere(std::size_t held_out, const Found& found) {
    std::string text;
    if (held_out > 0) text += fmt::format(", {} held out by a client", held_out);
    if (found.outside > 0) text += fmt::format(", {} in the validation or the test split", found.outside);
    if (found.left_out > 0) text += fmt::format(", {} of no split", found.left_out);
    return text;
  }

  static std::string listed(const std::map<std::size_t, Indices>& of_client) {
    std::vector<std::size_t> clients;
    for (const auto& own : of_client) clients.push_back(own.first);
    return fmt::format("{}", fmt::join(clients, ", "));
  }

  void tell(std::size_t erasure, const config::Erasure& e, const std::map<std::size_t, Indices>& of_client,
            std::size_t held_out, const Found& found) {
    if (const auto others = elsewhere(held_out, found); !others.empty())
      notes_.push_back(fmt::format("{}: of what it names nobody trains on{}: these are not part of it",
                                   key_of(erasure), others.substr(1)));
    std::string owners;
    std::size_t staying = 0;
    for (const auto& [client, rows] : of_client) {
      owners += fmt::format("{}client {} ({})", owners.empty() ? "" : ", ", client, samples(rows.size()));
      if (e.client >= 0 && static_cast<std::int64_t>(client) != e.client) staying += rows.size();
    }
    if (staying > 0)
      notes_.push_back(fmt::format("{}: client {} asks, and {} of it stay at others: {}", key_of(erasure),
                                   e.client, samples(staying), owners));
    if (e.client < 0 && of_client.size() > 1)
      notes_.push_back(fmt::format(
          "{} is asked of {} clients, {}: in what the run writes it is erasure[{}] to erasure[{}]",
          key_of(erasure), of_client.size(), owners, named_.size(), named_.size() + of_client.size() - 1));
    else if (e.client < 0 && named_.size() != erasure)
      notes_.push_back(fmt::format("{} is of {}: in what the run writes it is erasure[{}]", key_of(erasure),
                                   owners, named_.size()));
  }

  /// As config's check has it, of all that there are now.
  void refuse_behind_the_last_bit() const {
    constexpr std::size_t most = 64;
    for (std::size_t i = most; i < named_.size(); ++i)
      if (named_[i].scope != config::Scope::client)
        throw DataError(fmt::format(
            "erasure: at the clients that hold them they are {}, and behind {} the scope {} is not served, allowed is "
            "\"client\" there",
            named_.size(), most, config::quoted(named_[i].scope)));
  }

  const config::Scenario& s_;
  std::vector<std::string>& notes_;
  Names names_;
  Shares shares_;
  std::map<std::int64_t, std::size_t> trains_;
  std::set<std::int64_t> held_out_;
  std::vector<config::Erasure> named_;
  std::vector<std::string> wrong_;
};

}  // namespace

std::shared_ptr<const config::Scenario> name_requests(const Source& source,
                                                      const std::shared_ptr<const config::Scenario>& scenario,
                                                      std::vector<std::string>& notes) {
  const auto& all = scenario->erasures;
  if (std::none_of(all.begin(), all.end(), [](const auto& e) { return e.named(); })) return scenario;
  auto named = *scenario;
  named.erasures = Naming(source, *scenario, notes).all();
  return std::make_shared<const config::Scenario>(std::move(named));
}

bool same_request(const config::Scenario& scenario, std::size_t one, std::size_t other) {
  const auto &a = scenario.erasures.at(one), &b = scenario.erasures.at(other);
  return a.named() && a.scope == b.scope && a.client != b.client && a.subjects == b.subjects &&
         a.file == b.file && a.at_update == b.at_update && a.at_round == b.at_round &&
         a.at_seconds == b.at_seconds;
}

}  // namespace afu::data
