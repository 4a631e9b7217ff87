/// What a study's report says, in which order.
#include <fmt/format.h>

#include <algorithm>

#include "figures/figure_text.hpp"
#include "page/across_axes.hpp"
#include "page/charts.hpp"
#include "page/report.hpp"
#include "page/tables.hpp"
#include "page/tables_distance.hpp"
#include "page/timeline.hpp"

namespace afu::page {

namespace {

/// A page with more groups than this has the claims and headline figures of all, the rest of the first alone.
constexpr std::size_t most_groups = 4;

bool many_groups(const figures::Study& study) { return study.groups.size() > most_groups; }

template <class Part>
void add(Section& s, std::vector<Part> parts) {
  for (auto& p : parts) s.parts.emplace_back(std::move(p));
}

bool empty(const DataTable& t) { return t.rows.empty(); }
bool empty(const Chart& c) { return c.data.rows.empty(); }

/// What is shown of every group, or of the first while the others' figures become files.
class Details {
 public:
  Details(Document& document, const figures::Study& study) : document_(document), study_(study) {}

  /// Drops what has nothing to show.
  template <class Part>
  void add(Section& section, std::size_t group, Part part) {
    if (empty(part)) return;
    if (group == 0 || !many_groups(study_))
      section.parts.emplace_back(std::move(part));
    else
      to_file(std::move(part));
  }
  template <class Part>
  void add(Section& section, std::size_t group, std::vector<Part> parts) {
    for (auto& p : parts) add(section, group, std::move(p));
  }
  void to_file(DataTable table) { document_.files.push_back(std::move(table)); }
  void to_file(Chart chart) { to_file(std::move(chart.data)); }

 private:
  Document& document_;
  const figures::Study& study_;
};

std::string subtitle(const figures::Study& study) {
  auto out = study.help.empty() ? std::string() : study.help + " ";
  out +=
      fmt::format("{}, {}; {} of {} completed", figures::counted(study.arms.size(), "arm"),
                  figures::counted(study.seeds.size(), "seed"), study.count(figures::Cell::State::completed),
                  figures::counted(study.cells.size(), "cell"));
  if (const auto n = study.count(figures::Cell::State::failed); n > 0) out += fmt::format(", {} failed", n);
  if (const auto n = study.count(figures::Cell::State::missing); n > 0)
    out += fmt::format(", {} not run yet", n);
  return out + ".";
}

Section findings(const figures::Analysis& a) {
  const auto& study = a.study();
  Section s{"findings", "What was found", {}};
  if (many_groups(study)) {
    if (!study.claims.empty()) s.parts.emplace_back(verdict_overview(a));
  } else {
    for (std::size_t g = 0; g < study.groups.size(); ++g) {
      if (!study.claims.empty()) s.parts.emplace_back(verdict_table(a, g));
      s.parts.emplace_back(headline_table(a, g));
    }
  }
  std::string failed, flawed, without_log, unclaimed;
  const auto list = [](std::string& to, const std::string& item) { to += (to.empty() ? "" : "; ") + item; };
  std::size_t ran = 0, unlogged = 0;
  for (const auto& cell : study.cells) {
    if (cell.state == figures::Cell::State::failed)
      list(failed, fmt::format("{} ({})", cell.folder, cell.why));
    if (!cell.run) continue;
    for (const auto& flaw : cell.run->flaws) list(flawed, fmt::format("{}/{}", cell.folder, flaw.text));
    ++ran;
    if (const auto* f = a.figures(cell); f && !f->has_log) {
      ++unlogged;
      list(without_log, cell.folder);
    }
  }
  if (auto warnings = warnings_table(study); !empty(warnings)) s.parts.emplace_back(std::move(warnings));
  for (const auto& [claim, why] : study.claims_left_out) list(unclaimed, fmt::format("{} ({})", claim, why));
  if (!unclaimed.empty()) s.parts.emplace_back(Paragraph{"Claims that are not judged: " + unclaimed + "."});
  if (!failed.empty()) s.parts.emplace_back(Paragraph{"Failed: " + failed + "."});
  if (!flawed.empty())
    s.parts.emplace_back(
        Paragraph{"Figures that are missing, so that claims about them cannot be judged: " + flawed + "."});
  if (unlogged > 0)
    s.parts.emplace_back(Paragraph{fmt::format(
        "Without an event log (output.events), so without rounds, what they waited for and throughput beside "
        "the run in which the client just leaves: {}.",
        unlogged == ran ? "every cell" : without_log)});
  return s;
}

/// What users of the model got.
void add_service(const figures::Analysis& a, std::size_t group, Section& section, Details& details) {
  details.add(section, group, service_curves(a, group));
  details.add(section, group, service_table(a, group));
  if (const auto untold = without_service(a, group);
      !untold.empty() && (group == 0 || !many_groups(a.study()))) {
    std::string text;
    for (const auto& cell : untold) text += (text.empty() ? "" : "; ") + cell;
    section.parts.emplace_back(
        Paragraph{"What users got is not known" + a.study().in_group(group) + ": " + text + "."});
  }
}

/// Figures against each axis' values, over all groups.
Section across_axes(const figures::Analysis& a) {
  const auto& study = a.study();
  Section s{"axes", "Across the axes", {}};
  for (auto axis : varied_axes(study)) {
    add(s, axis_charts(a, axis));
    if (auto table = axis_table(a, axis); !empty(table)) s.parts.emplace_back(std::move(table));
  }
  return s;
}

/// Each group's claims and headline figures, behind its name.
Section groups(const figures::Analysis& a) {
  const auto& study = a.study();
  Section s{"groups", "Group by group", {}};
  for (std::size_t g = 0; g < study.groups.size(); ++g) {
    Folded folded{
        fmt::format("group-{}", g + 1), fmt::format("Group {}: {}", g + 1, values_text(study, g)), {}};
    if (!study.claims.empty()) folded.tables.push_back(verdict_table(a, g));
    folded.tables.push_back(headline_table(a, g));
    s.parts.emplace_back(std::move(folded));
  }
  s.parts.emplace_back(Paragraph{fmt::format(
      "Everything below but for the methods and the origin is of the first of these {} groups ({}). The same "
      "figures of the others, and the critical path of every round, are in tables/*-group-N.csv.",
      study.groups.size(), study.groups.front())});
  return s;
}

/// One run an arm stands for it: the first seed of the group that completed. `unread`: traces that cannot be
/// used, and why.
std::vector<Chart> timelines(const figures::Analysis& a, std::size_t group,
                             std::vector<std::string>& unread) {
  const auto& study = a.study();
  std::vector<Chart> out;
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm)
    for (const auto* cell : study.cells_of(group, arm)) {
      const auto* f = a.figures(*cell);
      if (!f) continue;
      try {
        if (auto chart =
                timeline(*cell->run, f->round_seconds,
                         study.id_of(fmt::format("timeline-{}", arm + 1), group), study.arms[arm].name))
          out.push_back(std::move(*chart));
      } catch (const figures::ReportError& e) {
        unread.emplace_back(e.what());
      }
      break;
    }
  return out;
}

/// Which margins the study's file gives and which are afu's defaults: only the former were decided for it.
std::string margins_text(const figures::StatisticsPlan& p) {
  std::string declared, defaults;
  const auto add = [&](const std::string& key, const std::string& text) {
    const bool given =
        p.declared && std::find(p.declared->begin(), p.declared->end(), key) != p.declared->end();
    auto& to = given ? declared : defaults;
    to += (to.empty() ? "" : ", ") + text;
  };
  for (const auto& m : figures::metrics())
    if (const auto found = p.margins.find(m.name); found != p.margins.end())
      add(std::string("margins.") + m.name,
          fmt::format("{} ± {}", m.title, figures::margin_text(m, found->second)));
  add("rebound_margin",
      "excess of attack success " +
          figures::margin_text(*figures::find_metric("attack_success_rate"), p.rebound_margin));
  add("throughput_margin", fmt::format("retained throughput {:g}", p.throughput_margin));
  add("latency_ratio", fmt::format("latency {:g} times shorter", p.latency_ratio));
  add("control_margin",
      "attack success below the controls' by " +
          figures::margin_text(*figures::find_metric("attack_success_rate"), p.control_margin));
  if (!p.declared)
    return "Margins (study.json does not tell which of them the study's file declares): " + defaults + ".";
  return fmt::format(
      "Margins declared in the study's file: {}. Defaults, which the file does not mention: {}.",
      declared.empty() ? "none" : declared, defaults.empty() ? "none" : defaults);
}

Section methods(const figures::Study& study) {
  const auto& p = study.statistics;
  Section s{"methods", "How it was judged", {}};
  s.parts.emplace_back(Paragraph{fmt::format(
      "Means over seeds with Student's t-intervals at {:g} %. Arms are compared with {} by paired t-tests, "
      "seed by seed; p-values of the family of metrics are corrected by Holm over all arms of a group. "
      "Equivalence: two one-sided tests, that is the {:g} % interval of the mean difference inside the "
      "margin; an interval that reaches across a margin is not enough power, one outside altogether a "
      "difference. With fewer than {} paired seeds nothing is concluded, and seeds that failed are never "
      "dropped in silence: they keep a claim from holding.",
      p.confidence * 100, study.arms[study.reference].name, (2 * p.confidence - 1) * 100,
      figures::fewest_pairs)});
  s.parts.emplace_back(Paragraph{margins_text(p)});
  s.parts.emplace_back(Paragraph{
      "Excess is taken round by round over the reference of the same seed, at the same number of accepted "
      "updates behind the first erased model of each; between evaluations both are interpolated linearly. "
      "\"Nothing comes back\" is judged block by block of five rounds: it holds where in every block the "
      "mean excess lies below the margin (one-sided test each; all must pass, so no correction is due), and "
      "fails where in any block it lies above (Bonferroni over the blocks). The peak of a single run, its "
      "largest mean over five rounds in a row, is above 0 even for a second retraining. A claim about the "
      "attack holds only where the attack had succeeded before the erasure, by at least 50 pp more than the "
      "reference, in every seed, and for a rebound only where a control arm that erased shows one: a mean "
      "rise of at least 10 pp over its erased model and over the reference, with an interval above 0, in the "
      "rounds or in the tail. About membership nothing is claimed unless its AUC before the erasure was at "
      "least 0.550 by the lower end of its interval. About fidelity nothing is claimed by a metric in which "
      "the reference does not lead a classifier that gives every sample the same answer by more than the "
      "margin, by the lower end of its interval: its accuracy is the share of the largest class, its "
      "balanced accuracy 1 / classes, its AUC 0.5, its loss the labels' entropy. Nor can a time to a useful "
      "model be shorter then."});
  s.parts.emplace_back(Paragraph{fmt::format(
      "Equivalence is judged twice: at once, that is of the first published version that contains the "
      "erasure, and {}. An arm whose time is compared must be equivalent itself, and its time ends with the "
      "first published version that is erased and useful and stays so. Values that are the same in every "
      "seed have no spread, which is no proof: they count by the sign test. No claim holds before all its "
      "cells are in.",
      figures::moment_text(figures::Moment::settled, study.rebound))});
  return s;
}

Section origin(const figures::Study& study) {
  Section s{"origin", "Where it comes from", {}};
  s.parts.emplace_back(
      Paragraph{fmt::format("Study {}, on {}; made by: {}", study.file, study.base, study.command)});
  const auto run = std::find_if(study.cells.begin(), study.cells.end(),
                                [](const figures::Cell& c) { return c.run.has_value(); });
  if (run != study.cells.end()) {
    DataTable t{"context",
                "Machine and libraries of the first completed run.",
                {{"what", "", false}, {"value", "", false}},
                {},
                false};
    for (const auto& [key, value] : run->run->context) t.rows.push_back({text_cell(key), text_cell(value)});
    s.parts.emplace_back(std::move(t));
    if (const auto file = run->run->folder / "scenario.toml"; std::filesystem::exists(file))
      s.parts.emplace_back(Preformatted{"The resolved scenario of " + run->folder, figures::read_file(file)});
  }
  if (const auto file = study.folder / "study.toml"; std::filesystem::exists(file))
    s.parts.emplace_back(Preformatted{"The resolved study", figures::read_file(file)});
  return s;
}

}  // namespace

Document study_document(figures::Study read) {
  const figures::Analysis a(std::move(read));
  const auto& study = a.study();  // in which cells may have failed that were complete when it was read
  Document d{study.name + ": study", subtitle(study), {}};
  Details details(d, study);
  Section service{"users", "What did users of the model get?", {}},
      tradeoff{"tradeoff", "Sooner or closer", {}}, seeds{"seeds", "All seeds", {}},
      rebound{"rebound-curves", "Does it come back?", {}},
      lines{"timelines", "Who did what around the erasure", {}},
      blame{"waiting", "What the rounds waited for", {}}, cost{"costs", "What it cost", {}},
      clients{"clients", "What do clients and sites have of it?", {}}, tests{"tests", "All comparisons", {}};
  for (std::size_t g = 0; g < study.groups.size(); ++g) {
    add_service(a, g, service, details);
    details.add(clients, g, client_tables(a, g));
    details.add(tradeoff, g, pareto(a, g));
    details.add(tradeoff, g, latency_distributions(a, g));
    details.add(seeds, g, strips(a, g));
    details.add(seeds, g, difference_strips(a, g));
    if (study.rebound.enabled) {
      details.add(rebound, g, rebound_curves(a, g));
      details.add(rebound, g, rebound_table(a, g));
    }
    std::vector<std::string> unread;
    auto charts = timelines(a, g, unread);
    for (const auto& why : unread) lines.parts.emplace_back(Paragraph{"Not drawn: " + why + "."});
    for (auto& chart : charts) {
      if (g > 0) {  // one group's are enough to look at
        details.to_file(std::move(chart));
        continue;
      }
      if (std::none_of(lines.parts.begin(), lines.parts.end(),
                       [](const auto& p) { return std::holds_alternative<Chart>(p); }))
        lines.parts.emplace_back(Paragraph{"One run of each arm" + study.in_group(g) +
                                           ", the first seed that completed. Where nothing is drawn a client "
                                           "has left, or its work was given "
                                           "up when training began again."});
      lines.parts.emplace_back(std::move(chart));
    }
    details.add(blame, g, blame_table(a, g));
    if (auto rounds = rounds_table(a, g); many_groups(study))
      details.to_file(std::move(rounds));
    else
      details.add(blame, g, std::move(rounds));
    details.add(cost, g, cost_table(a, g));
    details.add(tests, g, comparison_table(a, g));
  }
  auto where_from = origin(study);
  if (many_groups(study)) {
    where_from.parts.emplace_back(Paragraph{"Every cell and all its figures: tables/cells.csv."});
    details.to_file(cells_table(a));
  } else {
    where_from.parts.emplace_back(cells_table(a));
  }
  if (auto warnings = cell_warnings_table(study); !empty(warnings)) details.to_file(std::move(warnings));

  Section likeness{"likeness", "Like a retrained model?", {}};
  for (auto table : {distance_table(a), layer_distance_table(a)})
    if (!empty(table)) likeness.parts.emplace_back(std::move(table));

  d.sections.push_back(findings(a));
  d.sections.push_back(std::move(likeness));
  d.sections.push_back(across_axes(a));
  if (many_groups(study)) d.sections.push_back(groups(a));
  for (auto* section : {&service, &clients, &tradeoff, &seeds, &rebound, &lines, &blame, &cost, &tests})
    d.sections.push_back(std::move(*section));
  d.sections.push_back(methods(study));
  d.sections.push_back(std::move(where_from));
  d.sections.erase(
      std::remove_if(d.sections.begin(), d.sections.end(), [](const Section& s) { return s.parts.empty(); }),
      d.sections.end());
  return d;
}

}  // namespace afu::page
