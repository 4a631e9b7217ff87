#include "page/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "figures/constant_classifier.hpp"
#include "figures/figure_text.hpp"
#include "page/across_axes.hpp"
#include "page/table_parts.hpp"

namespace afu::page {

namespace {

using Mark = TableCell::Mark;

Mark mark_of(figures::Outcome o) {
  return o == figures::Outcome::holds ? Mark::good : o == figures::Outcome::fails ? Mark::bad : Mark::open;
}

template <class Member>
figures::Analysis::Values values_of(const figures::Analysis& a, std::size_t group, std::size_t arm,
                                    Member member) {
  return a.values(group, arm, [&](const figures::Cell&, const figures::CellFigures& f) {
    return std::optional<double>(f.*member);
  });
}

/// "equivalent", "different", "open": what TOST says, with the mark that goes with it.
std::pair<std::string, Mark> place_of(const figures::Analysis& a, std::size_t group,
                                      const figures::Comparison& c) {
  using O = figures::Equivalence::Outcome;
  if (!a.unjudged(group, c.arm, *c.metric).empty())
    return {figures::to_string(figures::Outcome::unjudged), Mark::open};
  if (!c.equivalence || c.paired.difference.n < figures::fewest_pairs) return {"too few seeds", Mark::open};
  if (c.equivalence->outcome == O::equivalent)
    return figures::without_power(a, group, c.arm, *c.metric)
               ? std::pair<std::string, Mark>{"no power", Mark::open}
               : std::pair<std::string, Mark>{"equivalent", Mark::good};
  if (c.equivalence->outcome == O::different) return {"different", Mark::bad};
  return {"open", Mark::open};
}

}  // namespace

DataTable headline_table(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  const auto& plan = study.statistics;
  const bool paired = std::any_of(study.cells.begin(), study.cells.end(), [&](const figures::Cell& c) {
    const auto* f = a.figures(c);
    return f && f->throughput_paired;
  });
  auto t = begin_table(
      study, "headline",
      fmt::format(
          "Arms at the end of the run{}: mean over the seeds ± half of the {:g} % interval. Where there is a "
          "margin, whether the arm is equivalent to {}: equivalent, different, open (not enough power), or "
          "no power (it was not there before the erasure, or {} is not clearly better than a constant "
          "classifier). Time to pass: until the first published version whose attack success is within its "
          "margin of {}'s, and whose {} is within its own of {}'s or of what there was before the request and by as much above a "
          "constant classifier's, and "
          "stay there (three evaluations in a row pass, and never again three fail). \"2 of 5\": in so many "
          "seeds a figure came, and the mean is over them. Throughput: retained updates accepted after the "
          "request, of {}.",
          plan.late_evaluations > 1
              ? fmt::format(" (mean of the last {} evaluated versions)", plan.late_evaluations)
              : std::string(),
          plan.confidence * 100, study.arms[study.reference].name, study.arms[study.reference].name,
          study.arms[study.reference].name, a.utility().title, study.arms[study.reference].name,
          paired ? "those in the run of the same seed in which the client just leaves" : "those before it"),
      group);
  std::vector<const figures::Metric*> measured;  // by any cell of the study
  for (const auto& m : figures::metrics())
    if (std::any_of(study.cells.begin(), study.cells.end(),
                    [&](const figures::Cell& c) { return c.run && c.run->summary.final.*m.figure; }))
      measured.push_back(&m);
  t.columns = {{"arm", "", false}, {"seeds", "", true}};
  for (const auto* m : measured)
    t.columns.push_back(
        {m->title, figures::unit_of(*m), true, figures::majority_aside(*m, figures::runs_of(study, group))});
  t.columns.insert(t.columns.end(), {{"time to erase", "s", true},
                                     {"time to pass", "s", true},
                                     {"downtime", "s", true},
                                     {"throughput", "", true}});
  if (study.rebound.enabled) t.columns.push_back({"peak excess", "share", true});
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    const auto cells = study.cells_of(group, arm);
    const auto completed = completed_of(a, group, arm);
    std::vector<TableCell> row{
        text_cell(arm_name(study, arm)),
        number_cell(completed == cells.size() ? fmt::format("{}", completed)
                                              : fmt::format("{} of {}", completed, cells.size()),
                    static_cast<double>(completed))};
    for (const auto* metric : measured) {
      const auto& m = *metric;
      const auto scale = figures::scale_of(m);
      row.push_back(
          mean_cell(a, a.values(group, arm, m), completed, scale.factor, *scale.unit ? 1 : 3, scale.unit));
      if (plan.margins.count(m.name) == 0 || arm == study.reference) continue;
      const auto& c = a.comparison(group, arm, m);
      if (c.paired.difference.n > 0) std::tie(row.back().note, row.back().mark) = place_of(a, group, c);
    }
    row.push_back(mean_cell(a, values_of(a, group, arm, &figures::CellFigures::latency), completed, 1, 2));
    row.push_back(mean_cell(a, values_of(a, group, arm, &figures::CellFigures::passing), completed, 1, 2));
    if (const auto n = values_of(a, group, arm, &figures::CellFigures::passing).size(); n < cells.size())
      row.back().note = fmt::format("{} of {}", n, cells.size());
    row.push_back(mean_cell(a, values_of(a, group, arm, &figures::CellFigures::downtime), completed, 1, 2));
    row.push_back(mean_cell(a, values_of(a, group, arm, &figures::CellFigures::throughput), completed, 1, 2));
    if (study.rebound.enabled)
      row.push_back(arm == study.reference
                        ? number_cell(figures::absent_text, std::nullopt)
                        : mean_cell(a,
                                    a.values(group, arm,
                                             [](const figures::Cell&, const figures::CellFigures& f) {
                                               return f.excess.peak;
                                             }),
                                    completed, 100, 1, "pp"));
    t.rows.push_back(std::move(row));
  }
  return t;
}

DataTable verdict_table(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  auto t = begin_table(study, "verdicts",
                       fmt::format("What the study says about {}.", study.arms[study.subject].name), group);
  t.columns = {{"claim", "", false}, {"verdict", "", false}, {"why", "", false}};
  for (const auto& claim : figures::claims()) {
    if (std::find(study.claims.begin(), study.claims.end(), claim.name) == study.claims.end()) continue;
    const auto v = claim.judge(a, group, study.subject);
    t.rows.push_back({text_cell(claim.title), text_cell(figures::to_string(v.outcome), mark_of(v.outcome)),
                      text_cell(v.reason)});
  }
  return t;
}

DataTable verdict_overview(const figures::Analysis& a) {
  const auto& study = a.study();
  DataTable t{
      "verdicts-overview",
      fmt::format("What the study says about {} in each of its {} groups, that is combinations of the "
                  "axes' values. The reasons stand with the groups.",
                  study.arms[study.subject].name, study.groups.size()),
      {{"group", "", true}},
      {},
      false};
  for (std::size_t i = 0; i < study.axes.size(); ++i)
    t.columns.push_back({study.axis_name(i), "", scale_over(study.axes[i]).numeric});
  std::vector<const figures::Claim*> made;
  for (const auto& claim : figures::claims())
    if (std::find(study.claims.begin(), study.claims.end(), claim.name) != study.claims.end()) {
      made.push_back(&claim);
      t.columns.push_back({claim.title, "", false});
    }
  for (std::size_t g = 0; g < study.groups.size(); ++g) {
    std::vector<TableCell> row{number_cell(fmt::format("{}", g + 1), static_cast<double>(g + 1))};
    for (std::size_t i = 0; i < study.axes.size(); ++i)
      row.push_back(text_cell(figures::value_label(study.axes[i].values[study.group_values[g][i]])));
    for (const auto* claim : made) {
      const auto outcome = claim->judge(a, g, study.subject).outcome;
      row.push_back(text_cell(figures::to_string(outcome), mark_of(outcome)));
    }
    t.rows.push_back(std::move(row));
  }
  return t;
}

DataTable comparison_table(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  const auto& plan = study.statistics;
  std::string family;
  for (const auto& m : plan.family)
    family += (family.empty() ? "" : ", ") + std::string(figures::find_metric(m)->title);
  auto t = begin_table(
      study, "comparisons",
      fmt::format("Each arm minus {}, paired by seed: mean difference and {:g} % interval, paired t-test, p "
                  "after Holm over the family ({}; all arms together), Cohen's d_z; TOST: its "
                  "{:g} % interval against the margin.",
                  study.arms[study.reference].name, plan.confidence * 100, family,
                  (2 * plan.confidence - 1) * 100),
      group);
  for (const auto& m : figures::metrics())
    t.caption += figures::majority_sentence(m, figures::runs_of(study, group));
  t.columns = {{"arm", "", false},       {"metric", "", false},     {"pairs", "", true},
               {"difference", "", true}, {"low", "", true},         {"high", "", true},
               {"p", "", true},          {"p (Holm)", "", true},    {"d_z", "", true},
               {"margin", "", true},     {"TOST low", "", true},    {"TOST high", "", true},
               {"TOST p", "", true},     {"equivalence", "", false}};
  for (const auto& c : a.comparisons(group)) {
    const auto& d = c.paired.difference;
    if (d.n == 0) continue;
    const auto figure = [&](std::optional<double> v) {
      return number_cell(figures::difference_text(*c.metric, v), v);
    };
    const auto end = [](const figures::Interval* i, double figures::Interval::*which) {
      return i ? std::optional(i->*which) : std::nullopt;
    };
    using I = figures::Interval;
    const I* of_mean = d.interval ? &*d.interval : nullptr;
    const I* tost = c.equivalence ? &c.equivalence->interval : nullptr;
    const auto margin = plan.margins.find(c.metric->name);
    const bool declared = margin != plan.margins.end();
    const auto [place, mark] = place_of(a, group, c);
    t.rows.push_back(
        {text_cell(study.arms[c.arm].name), text_cell(c.metric->title),
         number_cell(fmt::format("{}", d.n), static_cast<double>(d.n)), figure(d.mean),
         figure(end(of_mean, &I::low)), figure(end(of_mean, &I::high)),
         number_cell(figures::p_text(c.paired.p), c.paired.p),
         number_cell(figures::p_text(c.holm_p), c.holm_p),
         number_cell(c.paired.d_z ? fmt::format("{:+.2f}", *c.paired.d_z) : figures::absent_text,
                     c.paired.d_z),
         declared ? number_cell("± " + figures::margin_text(*c.metric, margin->second), margin->second)
                  : number_cell(figures::absent_text, std::nullopt),
         figure(end(tost, &I::low)), figure(end(tost, &I::high)),
         number_cell(figures::p_text(tost ? std::optional(c.equivalence->p) : std::nullopt),
                     tost ? std::optional(c.equivalence->p) : std::nullopt),
         declared ? text_cell(place, mark) : number_cell(figures::absent_text, std::nullopt)});
  }
  return t;
}

DataTable rebound_table(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  const auto& plan = study.rebound;
  auto t = begin_table(
      study, "rebound",
      fmt::format(
          "Attack success over {} rounds of {} accepted updates after the erasure and {} more with the "
          "calibrator off: means over the seeds ± half of the interval. R: rise over the erased model; E: "
          "excess over {} at the same number of updates behind its own erasure; half-life: of the seeds in "
          "which half of the attack came back, the round in which it did; half back: in how many, with "
          "Wilson's interval of the share.",
          plan.rounds, plan.round_updates, plan.tail_rounds, study.arms[study.reference].name),
      group);
  t.columns = {{"arm", "", false},
               {"R_max", "share", true},
               {"R_end", "share", true},
               {"R_tail", "share", true},
               {"slope", "share/round", true},
               {"AUC_E", "share", true},
               {"peak E", "share", true},
               {"tail peak E", "share", true},
               {"half-life", "rounds", true},
               {"half back", "", true},
               {"rounds", "", true}};
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    const auto of = [&](auto get) {
      return a.values(group, arm,
                      [&](const figures::Cell&, const figures::CellFigures& f) -> std::optional<double> {
                        return get(f);
                      });
    };
    const auto curves = of([](const figures::CellFigures& f) {
      return f.curve.empty() ? std::nullopt : std::optional(static_cast<double>(f.curve.size() - 1));
    });
    if (curves.empty()) continue;
    const auto points = [&](auto get) { return mean_cell(a, of(get), curves.size(), 100, 1, "pp"); };
    const auto halves = of([](const figures::CellFigures& f) { return f.rebound.half; });
    std::vector<TableCell> row{text_cell(study.arms[arm].name),
                               points([](const figures::CellFigures& f) { return f.rebound.max; }),
                               points([](const figures::CellFigures& f) { return f.rebound.end; }),
                               points([](const figures::CellFigures& f) { return f.rebound.tail; }),
                               mean_cell(a, of([](const figures::CellFigures& f) { return f.rebound.slope; }),
                                         curves.size(), 100, 2, "pp")};
    if (arm == study.reference) {
      for (int i = 0; i < 3; ++i) row.push_back(number_cell(figures::absent_text, std::nullopt));
    } else {
      row.push_back(points([](const figures::CellFigures& f) { return f.excess.area; }));
      row.push_back(points([](const figures::CellFigures& f) { return f.excess.peak; }));
      row.push_back(points([](const figures::CellFigures& f) { return f.excess.tail; }));
    }
    row.push_back(mean_cell(a, halves, 0, 1, 1));
    const auto share = figures::wilson(halves.size(), curves.size(), study.statistics.confidence);
    row.push_back(number_cell(fmt::format("{} of {} [{:.0f}, {:.0f} %]", halves.size(), curves.size(),
                                          share.low * 100, share.high * 100),
                              static_cast<double>(halves.size())));
    const auto lengths = figures::list(curves);
    const double shortest = *std::min_element(lengths.begin(), lengths.end());
    row.push_back(number_cell(fmt::format("{:.0f}", shortest), shortest));
    t.rows.push_back(std::move(row));
  }
  return t;
}

}  // namespace afu::page
