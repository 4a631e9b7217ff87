/// What a study's report says, in which order.
#include <fmt/format.h>

#include <algorithm>

#include "report/charts.hpp"
#include "report/figure_text.hpp"
#include "report/report.hpp"
#include "report/tables.hpp"
#include "report/timeline.hpp"

namespace afu::report {

namespace {

template <class Part>
void add(Section& s, std::vector<Part> parts) {
  for (auto& p : parts) s.parts.emplace_back(std::move(p));
}

std::string subtitle(const Study& study) {
  auto out = study.help.empty() ? std::string() : study.help + " ";
  out += fmt::format("{}, {}; {} of {} completed", counted(study.arms.size(), "arm"),
                     counted(study.seeds.size(), "seed"), study.count(Cell::State::completed),
                     counted(study.cells.size(), "cell"));
  if (const auto n = study.count(Cell::State::failed); n > 0) out += fmt::format(", {} failed", n);
  if (const auto n = study.count(Cell::State::missing); n > 0) out += fmt::format(", {} not run yet", n);
  return out + ".";
}

Section findings(const Analysis& a) {
  const auto& study = a.study();
  Section s{"findings", "What was found", {}};
  for (std::size_t g = 0; g < study.groups.size(); ++g) {
    if (!study.claims.empty()) s.parts.emplace_back(verdict_table(a, g));
    s.parts.emplace_back(headline_table(a, g));
  }
  std::string failed;
  for (const auto& cell : study.cells)
    if (cell.state == Cell::State::failed)
      failed += fmt::format("{}{} ({})", failed.empty() ? "" : "; ", cell.folder, cell.why);
  if (!failed.empty()) s.parts.emplace_back(Paragraph{"Failed: " + failed + "."});
  return s;
}

/// One run an arm stands for it: the first seed of the first group that completed.
Section timelines(const Analysis& a) {
  const auto& study = a.study();
  Section s{"timelines", "Who did what around the erasure", {}};
  s.parts.emplace_back(
      Paragraph{"One run of each arm, the first seed that completed. Where nothing is drawn a client has "
                "left, or its work was "
                "given up when training began again."});
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm)
    for (const auto* cell : study.cells_of(0, arm)) {
      const auto* f = a.figures(*cell);
      if (!f) continue;
      if (auto chart = timeline(*cell->run, f->round_seconds, fmt::format("timeline-{}", arm + 1),
                                study.arms[arm].name))
        s.parts.emplace_back(std::move(*chart));
      break;
    }
  return s;
}

Section methods(const Study& study) {
  const auto& p = study.statistics;
  Section s{"methods", "How it was judged", {}};
  s.parts.emplace_back(Paragraph{fmt::format(
      "Means over seeds with Student's t-intervals at {:g} %. Arms are compared with {} by paired t-tests, "
      "seed by seed; "
      "p-values of the declared family are corrected by Holm over all arms of a group. Equivalence: two "
      "one-sided tests, "
      "that is the {:g} % interval of the mean difference inside the declared margin; an interval that "
      "reaches across a "
      "margin is not enough power, one outside altogether a difference. With fewer than {} paired seeds "
      "nothing is "
      "concluded, and seeds that failed are never dropped in silence: they keep a claim from holding.",
      p.confidence * 100, study.arms[study.reference].name, (2 * p.confidence - 1) * 100, fewest_pairs)});
  std::string margins;
  for (const auto& m : metrics())
    if (const auto found = p.margins.find(m.name); found != p.margins.end())
      margins +=
          fmt::format("{}{} ± {}", margins.empty() ? "" : ", ", m.title, margin_text(m, found->second));
  s.parts.emplace_back(Paragraph{fmt::format(
      "Margins, declared in the study's file: {}; peak excess of attack success {}, retained throughput "
      "{:g}, latency {:g} "
      "times shorter.",
      margins.empty() ? "none" : margins, margin_text(*find_metric("attack_success_rate"), p.rebound_margin),
      p.throughput_margin, p.latency_ratio)});
  s.parts.emplace_back(
      Paragraph{"Excess is taken round by round over the reference of the same seed, at the same number of "
                "accepted updates behind "
                "the first erased model of each; between evaluations both are interpolated linearly. Peak: "
                "the largest mean over "
                "five rounds in a row. A claim about the attack holds only where the attack had succeeded "
                "before the erasure, "
                "by at least 50 pp more than the reference, in every seed, and for a rebound only where a "
                "control arm shows one "
                "of at least 10 pp."});
  return s;
}

Section origin(const Analysis& a) {
  const auto& study = a.study();
  Section s{"origin", "Where it comes from", {}};
  s.parts.emplace_back(
      Paragraph{fmt::format("Study {}, on {}; made by: {}", study.file, study.base, study.command)});
  const auto run =
      std::find_if(study.cells.begin(), study.cells.end(), [](const Cell& c) { return c.run.has_value(); });
  if (run != study.cells.end()) {
    DataTable t{"context",
                "Machine and libraries of the first completed run.",
                {{"what", "", false}, {"value", "", false}},
                {},
                false};
    for (const auto& [key, value] : run->run->context) t.rows.push_back({text_cell(key), text_cell(value)});
    s.parts.emplace_back(std::move(t));
    if (const auto file = run->run->folder / "scenario.toml"; std::filesystem::exists(file))
      s.parts.emplace_back(Preformatted{"The resolved scenario of " + run->folder, read_file(file)});
  }
  if (const auto file = study.folder / "study.toml"; std::filesystem::exists(file))
    s.parts.emplace_back(Preformatted{"The resolved study", read_file(file)});
  s.parts.emplace_back(cells_table(a));
  return s;
}

}  // namespace

Document study_document(const Study& study) {
  const Analysis a(study);
  Document d{study.name + ": study", subtitle(study), {}};
  Section tradeoff{"tradeoff", "Sooner or closer", {}}, seeds{"seeds", "All seeds", {}},
      rebound{"rebound-curves", "Does it come back?", {}}, blame{"waiting", "What the rounds waited for", {}},
      cost{"costs", "What it cost", {}}, tests{"tests", "All comparisons", {}};
  for (std::size_t g = 0; g < study.groups.size(); ++g) {
    tradeoff.parts.emplace_back(pareto(a, g));
    tradeoff.parts.emplace_back(latency_distributions(a, g));
    add(seeds, strips(a, g));
    add(seeds, difference_strips(a, g));
    if (study.rebound.enabled) {
      add(rebound, rebound_curves(a, g));
      rebound.parts.emplace_back(rebound_table(a, g));
    }
    blame.parts.emplace_back(blame_table(a, g));
    blame.parts.emplace_back(rounds_table(a, g));
    cost.parts.emplace_back(cost_table(a, g));
    tests.parts.emplace_back(comparison_table(a, g));
  }
  d.sections.push_back(findings(a));
  d.sections.push_back(std::move(tradeoff));
  d.sections.push_back(std::move(seeds));
  if (study.rebound.enabled) d.sections.push_back(std::move(rebound));
  d.sections.push_back(timelines(a));
  d.sections.push_back(std::move(blame));
  d.sections.push_back(std::move(cost));
  d.sections.push_back(std::move(tests));
  d.sections.push_back(methods(study));
  d.sections.push_back(origin(a));
  return d;
}

}  // namespace afu::report
