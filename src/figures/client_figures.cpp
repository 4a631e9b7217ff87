#include "figures/client_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <map>
#include <tuple>

#include "base/input_error.hpp"
#include "base/table_file.hpp"
#include "figures/run_data.hpp"
#include "record/clients_log.hpp"

namespace afu::figures {
namespace {

namespace fs = std::filesystem;

/// The columns of clients.csv.
enum Column : std::size_t { version, time_, epoch, updates, phase, set, client, site, samples, first_figure };

class Reader {
 public:
  Reader(const fs::path& file, const std::optional<double>& requested_at, std::size_t late)
      : file_(file.string()), requested_at_(requested_at), late_(std::max<std::size_t>(late, 1)) {}

  std::vector<ClientFigures> read() {
    base::Table table;
    try {
      table = base::read_table(file_);
    } catch (const InputError& e) {
      throw ReportError(e.what());
    }
    std::string header;
    for (const auto& name : table.header) header += (header.empty() ? "" : ",") + name;
    if (header != record::clients_header)
      throw ReportError(fmt::format("{}:1: wanted the columns {}", file_, record::clients_header));
    for (const auto& row : table.rows) {
      if (row.cells.size() != table.header.size())
        fail(row, fmt::format("has {} columns, wanted {}", row.cells.size(), table.header.size()));
      take(row);
    }
    for (std::size_t i = 0; i < all_.size(); ++i) all_[i].late = mean_of(latest_[i].figures);
    return std::move(all_);
  }

 private:
  [[noreturn]] void fail(const base::TableRow& row, const std::string& why) const {
    throw ReportError(fmt::format("{}:{}: {}", file_, row.line, why));
  }

  template <class Number>
  Number number(const base::TableRow& row, std::size_t at) const {
    const auto& text = row.cells[at];
    Number v{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error != std::errc{} || end != text.data() + text.size())
      fail(row, fmt::format("'{}' is no number", text));
    return v;
  }

  std::optional<double> figure(const base::TableRow& row, std::size_t at, double highest) const {
    if (row.cells[at].empty()) return std::nullopt;
    const auto v = number<double>(row, at);
    if (!(v >= 0 && v <= highest))
      fail(row, fmt::format("a figure is {}, allowed is 0 to {:g}", row.cells[at], highest));
    return v;
  }

  void take(const base::TableRow& row) {
    const auto& c = row.cells;
    if (c[set] != "holdout" && c[set] != "test")
      fail(row, fmt::format("the set is '{}', allowed are holdout and test", c[set]));
    const auto [place, fresh] = places_.try_emplace(std::tuple(c[set], c[client], c[site]), all_.size());
    if (fresh)
      all_.push_back({c[set],
                      c[client].empty() ? -1 : number<std::int64_t>(row, client),
                      c[site],
                      number<std::size_t>(row, samples),
                      {},
                      {},
                      {}});
    latest_.resize(all_.size());
    constexpr double most_loss = 1e18;
    record::GroupFigures own{figure(row, first_figure, 1), figure(row, first_figure + 1, 1),
                             figure(row, first_figure + 2, 1), figure(row, first_figure + 3, most_loss)};
    auto& of = all_[place->second];
    auto& latest = latest_[place->second];
    const bool before = requested_at_ && number<double>(row, time_) <= *requested_at_;
    if (before) of.found = own;
    of.last = own;
    if (before || !latest.asked) latest.figures.clear();
    latest.asked = !before;
    if (latest.figures.size() == late_) latest.figures.pop_front();
    latest.figures.push_back(own);
  }

  /// Each figure over those that have it.
  static record::GroupFigures mean_of(const std::deque<record::GroupFigures>& all) {
    record::GroupFigures mean;
    using G = record::GroupFigures;
    for (auto figure : {&G::accuracy, &G::balanced_accuracy, &G::auc, &G::loss}) {
      double sum = 0, count = 0;
      for (const auto& g : all)
        if (g.*figure) sum += *(g.*figure), ++count;
      if (count > 0) mean.*figure = sum / count;
    }
    return mean;
  }

  std::string file_;
  std::optional<double> requested_at_;
  std::size_t late_;
  /// The last ones: those after the request, and as long as there is none the one that it found.
  struct Latest {
    bool asked = false;  ///< they are after it
    std::deque<record::GroupFigures> figures;
  };
  std::vector<Latest> latest_;  ///< of each of `all_`
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> places_;
  std::vector<ClientFigures> all_;
};

}  // namespace

std::string ClientFigures::name() const {
  return client < 0 ? site : record::client_text(static_cast<std::uint64_t>(client), site);
}

std::vector<ClientFigures> read_client_figures(const fs::path& folder,
                                               const std::optional<double>& requested_at,
                                               std::size_t late_evaluations) {
  const auto file = folder / "clients.csv";
  if (!fs::exists(file)) return {};
  return Reader(file, requested_at, late_evaluations).read();
}

std::optional<Spread> spread_of(const std::vector<ClientFigures>& all, const std::string& set,
                                record::GroupFigures ClientFigures::*when,
                                std::optional<double> record::GroupFigures::*figure) {
  Spread s;
  double sum = 0, squares = 0;
  const auto each = [&](auto f) {
    for (const auto& c : all)
      if (const auto& v = (c.*when).*figure; c.set == set && v) f(c, *v);
  };
  each([&](const ClientFigures& c, double v) {
    if (s.count == 0 || v < s.lowest) s.lowest = v, s.lowest_name = c.name();
    s.highest = s.count == 0 ? v : std::max(s.highest, v);
    sum += v;
    ++s.count;
  });
  if (s.count == 0) return std::nullopt;
  s.mean = sum / static_cast<double>(s.count);
  each([&](const ClientFigures&, double v) { squares += (v - s.mean) * (v - s.mean); });
  if (s.count > 1) s.deviation = std::sqrt(squares / static_cast<double>(s.count - 1));
  return s;
}

}  // namespace afu::figures
