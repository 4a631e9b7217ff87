/// What clients and sites have of the model, each by itself.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "figures/client_figures.hpp"
#include "figures/figure_text.hpp"
#include "figures/run_data.hpp"
#include "page/table_parts.hpp"
#include "page/tables.hpp"

namespace afu::page {
namespace {

using figures::ClientFigures;
using record::GroupFigures;

TableCell share_cell(const std::optional<double>& v) {
  return number_cell(figures::value_text(*figures::find_metric("test_accuracy"), v), v);
}
TableCell area_cell(const std::optional<double>& v) {
  return number_cell(figures::value_text(*figures::find_metric("test_auc"), v), v);
}
TableCell loss_cell(const std::optional<double>& v) {
  return number_cell(figures::value_text(*figures::find_metric("test_loss"), v), v);
}

/// "; accuracy at the end 71.2 ± 8.0 % over 5, the lowest 60.1 % (client/3)"
std::string spread_text(const std::vector<ClientFigures>& all, const std::string& set) {
  const auto s = figures::spread_of(all, set, &ClientFigures::last, &GroupFigures::accuracy);
  if (!s) return "";
  return fmt::format(
      " Accuracy at the end: {:.1f} ± {:.1f} % (mean and standard deviation over {}), the lowest {:.1f} % ({}).",
      s->mean * 100, s->deviation * 100, s->count, s->lowest * 100, s->lowest_name);
}

/// What one cell's clients.csv tells of one set.
struct CellSpread {
  double mean = 0, lowest = 0, deviation = 0;
  std::optional<double> asking_before, asking;  ///< of the clients that ask, the mean
};

using Accuracy = record::GroupFigures figures::ClientFigures::*;

/// Over those of `clients` that ask.
std::optional<double> of_asking(const std::vector<ClientFigures>& clients, const record::Summary& run,
                                Accuracy when) {
  double sum = 0, count = 0;
  for (const auto& c : clients) {
    const auto asks = [&](const record::ErasureRecord& e) { return e.requested_at && e.client == c.client; };
    if (c.set != "holdout" || c.client < 0 || std::none_of(run.erasures.begin(), run.erasures.end(), asks))
      continue;
    if (const auto& v = (c.*when).accuracy) sum += *v, ++count;
  }
  return count > 0 ? std::optional(sum / count) : std::nullopt;
}

std::optional<CellSpread> spread_of_cell(const std::vector<ClientFigures>& clients,
                                         const record::Summary& run, const std::string& set) {
  const auto s = figures::spread_of(clients, set, &ClientFigures::late, &GroupFigures::accuracy);
  if (!s) return std::nullopt;
  CellSpread out{s->mean, s->lowest, s->deviation, {}, {}};
  if (set == "holdout") {
    out.asking_before = of_asking(clients, run, &ClientFigures::found);
    out.asking = of_asking(clients, run, &ClientFigures::late);
  }
  return out;
}

std::string caption_of(const figures::Analysis& a, const std::string& set, const std::string& unread) {
  const auto& p = a.study().statistics;
  auto text = fmt::format(
      "{} Accuracy, the mean of the last {} evaluated versions as far as they came after the request, by {}: the "
      "mean over them, the lowest, and how far they lie apart (standard deviation); means over the seeds ± half of the {:g} % "
      "interval.",
      set == "test" ? "The test images of each site." : "The samples that each client holds out of training.",
      std::max<std::size_t>(p.late_evaluations, 1), set == "test" ? "site" : "client", p.confidence * 100);
  if (set == "holdout")
    text +=
        " Who asks: the clients that ask for something to be erased, whatever it is, when they ask and in the end.";
  return text + (unread.empty() ? "" : " Left out: " + unread + ".");
}

}  // namespace

std::vector<DataTable> client_tables(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  std::map<const figures::Cell*, std::vector<ClientFigures>> of;
  std::string unread;
  for (const auto& cell : study.cells) {
    if (cell.group != group || !cell.run || a.figures(cell) == nullptr) continue;
    const auto* asked = record::first_request(cell.run->summary);
    try {
      of[&cell] = figures::read_client_figures(cell.run->folder,
                                               asked != nullptr ? asked->requested_at : std::nullopt,
                                               study.statistics.late_evaluations);
    } catch (const figures::ReportError& e) {
      unread += (unread.empty() ? "" : "; ") + std::string(e.what());
    }
  }
  std::vector<DataTable> tables;
  for (const std::string set : {"holdout", "test"}) {
    const bool asking = set == "holdout";
    auto t =
        begin_table(study, asking ? "client-figures" : "site-figures", caption_of(a, set, unread), group);
    t.columns = {{"arm", "", false},
                 {asking ? "mean over clients" : "mean over sites", "", true},
                 {asking ? "lowest client" : "lowest site", "", true},
                 {"deviation", "pp", true}};
    if (asking) {
      t.columns.push_back({"who asks, when asked", "", true});
      t.columns.push_back({"who asks, in the end", "", true});
    }
    bool any = false;
    for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
      const auto values = [&](auto get) {
        return a.values(group, arm,
                        [&](const figures::Cell& c, const figures::CellFigures&) -> std::optional<double> {
                          const auto found = of.find(&c);
                          if (found == of.end()) return std::nullopt;
                          const auto s = spread_of_cell(found->second, c.run->summary, set);
                          return s ? get(*s) : std::nullopt;
                        });
      };
      const auto cell = [&](auto get, const char* unit) {
        const auto found = values(get);
        any = any || !found.empty();
        return mean_cell(a, found, completed_of(a, group, arm), 100, 1, unit);
      };
      std::vector<TableCell> row{text_cell(arm_name(study, arm)),
                                 cell([](const CellSpread& s) { return std::optional(s.mean); }, "%"),
                                 cell([](const CellSpread& s) { return std::optional(s.lowest); }, "%"),
                                 cell([](const CellSpread& s) { return std::optional(s.deviation); }, "pp")};
      if (asking) {
        row.push_back(cell([](const CellSpread& s) { return s.asking_before; }, "%"));
        row.push_back(cell([](const CellSpread& s) { return s.asking; }, "%"));
      }
      t.rows.push_back(std::move(row));
    }
    if (any) tables.push_back(std::move(t));
  }
  return tables;
}

std::optional<DataTable> clients_table(const std::vector<ClientFigures>& all, const std::string& set) {
  const bool sites = set == "test";
  DataTable t{
      sites ? "sites" : "clients",
      (sites ? "The test images of each site." : "The samples that each client holds out of training.") +
          spread_text(all, set),
      {{sites ? "site" : "client", "", false},
       {"samples", "", true},
       {"accuracy when asked", "", true},
       {"accuracy at the end", "", true},
       {"balanced accuracy", "", true},
       {"AUC", "", true},
       {"loss", "nats", true}},
      {},
      false};
  for (const auto& c : all) {
    if (c.set != set) continue;
    t.rows.push_back({text_cell(c.name()),
                      number_cell(fmt::format("{}", c.samples), static_cast<double>(c.samples)),
                      share_cell(c.found.accuracy), share_cell(c.last.accuracy),
                      share_cell(c.last.balanced_accuracy), area_cell(c.last.auc), loss_cell(c.last.loss)});
  }
  if (t.rows.empty()) return std::nullopt;
  constexpr std::size_t shown_whole = 30;
  t.folded = t.rows.size() > shown_whole;
  return t;
}

}  // namespace afu::page
