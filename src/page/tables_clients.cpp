/// What clients and sites have of the model, each by itself.
#include <fmt/format.h>

#include <algorithm>

#include "figures/client_figures.hpp"
#include "figures/figure_text.hpp"
#include "figures/run_data.hpp"
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

}  // namespace

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
