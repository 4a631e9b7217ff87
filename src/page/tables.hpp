#pragma once
/// A study's tables. All are of one group of cells but for `verdict_overview`, `cells_table` and those of warnings.
#include "figures/analysis.hpp"
#include "figures/client_figures.hpp"
#include "figures/verdicts.hpp"
#include "page/document.hpp"

namespace afu::page {

/// Arms x metrics with intervals, whether each is equivalent to the reference, time to erase, downtime,
/// throughput.
DataTable headline_table(const figures::Analysis& a, std::size_t group);
/// Claims x verdict, reason; for the study's subject.
DataTable verdict_table(const figures::Analysis& a, std::size_t group);
/// Groups x claims: only the outcomes.
DataTable verdict_overview(const figures::Analysis& a);
/// Every paired test: difference, interval, p, Holm's p, d_z, TOST.
DataTable comparison_table(const figures::Analysis& a, std::size_t group);
/// The figures of a rebound (src/metrics/README.md, Rebound).
DataTable rebound_table(const figures::Analysis& a, std::size_t group);
/// Mean seconds a round by what the critical path did: before the request, while it was served, afterwards.
DataTable blame_table(const figures::Analysis& a, std::size_t group);
/// The critical path of every round of one run an arm, the first seed that completed.
DataTable rounds_table(const figures::Analysis& a, std::size_t group);
DataTable cost_table(const figures::Analysis& a, std::size_t group);
/// What users of the model got after the request (service.hpp): accuracy lost over time, time below the
/// margin, time in which the data was still in what was served. Without rows where no cell can tell.
DataTable service_table(const figures::Analysis& a, std::size_t group);
/// The completed cells of which that cannot be told, and why: "cells/a/seed=1 (...)"; of a single run the reason alone.
std::vector<std::string> without_service(const figures::Analysis& a, std::size_t group);
/// Of a single run: the clients' held-out samples ("holdout") or the sites' test images ("test"), a row each. None where
/// clients.csv has none of them.
std::optional<DataTable> clients_table(const std::vector<figures::ClientFigures>& all,
                                       const std::string& set);
/// Of a study: arms x what clients, and sites, have of the model, each by itself (evaluation.by_client): "client-figures",
/// "site-figures", each where clients.csv of some cell has such sets.
std::vector<DataTable> client_tables(const figures::Analysis& a, std::size_t group);
/// The warnings of the cells that ended (summary.json). Those that differ in their quantities alone share a row: how many cells and
/// of which arms have it, and the text of the first. Without rows where there are none.
DataTable warnings_table(const figures::Study& study);
/// Each of them, cell by cell.
DataTable cell_warnings_table(const figures::Study& study);
/// Every cell of the study, failed and missing ones too: its axes' values and every figure, one row each.
DataTable cells_table(const figures::Analysis& a);

}  // namespace afu::page
