#include "figures/analysis.hpp"

#include <algorithm>
#include <stdexcept>

#include "figures/constant_classifier.hpp"

namespace afu::figures {

namespace {

std::optional<double> mean_of(const std::vector<double>& values) {
  return values.empty() ? std::nullopt : std::optional(mean(values));
}

/// Absent where any is: the mean of the others would be another figure.
std::optional<double> mean_of_all(const std::vector<std::optional<double>>& values) {
  std::vector<double> known;
  for (const auto& v : values) {
    if (!v) return std::nullopt;
    known.push_back(*v);
  }
  return mean_of(known);
}

void read_log(CellFigures& f, const Run& run, std::size_t round_updates) {
  const auto file = run.folder / "events.jsonl";
  if (!std::filesystem::exists(file)) return;
  const auto log = read_events(file);
  f.has_log = true;
  f.restarted = std::any_of(log.begin(), log.end(), [](const LogRecord& r) {
    const auto* d = std::get_if<record::Decision>(&r);
    return d && d->kind == record::Decision::Kind::restarted;
  });
  f.accepted = throughput_of(log, run.summary);
  f.round_updates = round_updates > 0 ? round_updates : retained_clients(log);
  f.rounds = blame_rounds(log, f.round_updates);
  std::vector<double> before;
  const auto* first = record::first_request(run.summary);
  for (const auto& r : f.rounds)
    if (!first || r.end <= *first->requested_at) before.push_back(r.end - r.begin);
  f.round_seconds = mean_of(before);
}

/// By the rows alone: whether the count of updates began again behind the first request; absent: they do not
/// reach there.
std::optional<bool> restarted_by(const Run& run) {
  const auto* first = record::first_request(run.summary);
  if (!first) return false;
  if (run.rows.empty() || run.rows.back().time < *first->requested_at) return std::nullopt;
  return std::adjacent_find(run.rows.begin(), run.rows.end(), [](const auto& l, const auto& r) {
           return r.updates < l.updates;
         }) != run.rows.end();
}

/// The first of these that `figures` has and `plan` has a margin of.
const Metric* first_with_margin(std::initializer_list<const char*> names, const record::Figures& figures,
                                const StatisticsPlan& plan) {
  for (const char* name : names)
    if (const auto* m = find_metric(name); m && figures.*m->figure && plan.margin(name)) return m;
  return nullptr;
}

void passing(CellFigures& f, const Run& run, const record::Figures& reference, const StatisticsPlan& plan) {
  const auto* forgetting = first_with_margin({"attack_success_rate", "forget_accuracy"}, reference, plan);
  const auto* utility = utility_of(reference, plan);
  if (!forgetting || !utility || !f.last_request || !f.last_erased) return;
  f.passing_known = std::any_of(run.rows.begin(), run.rows.end(), [&](const record::MetricsRow& row) {
    return row.time >= *f.last_erased && row.*forgetting->row && row.*utility->row;
  });
  // What the others have still to teach it is nothing that the erasure takes time for.
  const auto& before = run.summary.before_erasure.*utility->figure;
  const double useful =
      std::min(*(reference.*utility->figure), before.value_or(*(reference.*utility->figure)));
  const auto margin = *plan.margin(utility->name);
  const auto constant = constant_score(*utility, run.summary);
  const double least = constant ? std::max(useful - margin, *constant + margin) : useful - margin;
  const auto time = passing_time(
      run.rows, *f.last_erased,
      {forgetting, *(reference.*forgetting->figure) + *plan.margin(forgetting->name), utility, least});
  if (time) f.passing = *time - *f.last_request;
}

/// Figures at 0+ and after the protocol's rounds.
void moments(CellFigures& f, const Run& run, double erased_at, const ReboundPlan& plan) {
  const ReboundPlan at_once{true, 0, 0, 1};
  f.settled = f.late;
  for (const auto& m : metrics()) {
    const auto curve = round_curve(run.rows, erased_at, m, plan.enabled ? plan : at_once);
    f.first.*m.figure = curve.empty() ? std::nullopt : std::optional(curve.front());
    if (plan.enabled) f.settled.*m.figure = settled_of(curve, plan);
  }
}

}  // namespace

const Metric* utility_of(const record::Figures& reference, const StatisticsPlan& plan) {
  return first_with_margin({"balanced_accuracy", "test_accuracy"}, reference, plan);
}

CellFigures figures_of(const Run& run, const ReboundPlan& plan, std::size_t late) {
  CellFigures f;
  f.round_updates = plan.round_updates;
  f.late = late_figures(run, late);
  read_log(f, run, plan.round_updates);
  const auto restarted = f.has_log ? std::optional(f.restarted) : restarted_by(run);
  f.restarted = restarted.value_or(false);
  std::vector<std::optional<double>> downtimes, throughputs;
  std::optional<double> origin;
  f.erased = !run.summary.erasures.empty();
  if (f.erased) f.updates_lost = 0;
  for (const auto& e : run.summary.erasures) {
    const auto& erased_at = f.restarted ? e.forgotten_at : e.merged_at;
    if (erased_at && e.requested_at)
      f.latencies.push_back(*erased_at - *e.requested_at);
    else
      f.erased = false;
    if (!origin) origin = erased_at ? erased_at : e.requested_at;
    downtimes.push_back(e.downtime_seconds);
    throughputs.push_back(e.retained_throughput_ratio);
    if (!e.updates_lost)
      f.updates_lost.reset();
    else if (f.updates_lost)
      *f.updates_lost += static_cast<double>(*e.updates_lost);
    f.client_passes += e.client_passes;
    f.server_passes += e.server_passes;
    f.stored_bytes = std::max(f.stored_bytes, static_cast<double>(e.stored_bytes));
  }
  if (!restarted) f.latencies.clear();
  f.latency = f.erased ? mean_of(f.latencies) : std::nullopt;
  f.downtime = mean_of_all(downtimes);
  f.throughput = mean_of_all(throughputs);
  if (f.erased)
    for (const auto& e : run.summary.erasures) {
      const double at = f.restarted ? *e.forgotten_at : *e.merged_at;
      f.last_request = std::max(f.last_request.value_or(0), *e.requested_at);
      f.last_erased = std::max(f.last_erased.value_or(0), at);
    }
  if (origin) moments(f, run, *origin, plan);
  if (origin && plan.enabled) {
    f.curve = round_curve(run.rows, *origin, *find_metric("attack_success_rate"), plan);
    f.rebound = rebound_of(f.curve, run.summary.before_erasure.attack_success_rate, plan);
  }
  return f;
}

Analysis::Analysis(Study study) : study_(std::move(study)), figures_(study_.cells.size()) {
  for (std::size_t i = 0; i < study_.cells.size(); ++i) {
    auto& cell = study_.cells[i];
    if (!cell.run) continue;
    try {
      figures_[i] = figures_of(*cell.run, study_.rebound, study_.statistics.late_evaluations);
    } catch (const ReportError& e) {
      cell.fail(std::string("its files cannot be used: ") + e.what());
    }
  }
  for (std::size_t i = 0; i < study_.cells.size(); ++i)
    if (figures_[i]) pair(i);
  const auto& balanced = *find_metric("balanced_accuracy");
  const bool measured = std::any_of(study_.cells.begin(), study_.cells.end(), [&](const Cell& c) {
    return figures(c) && std::any_of(c.run->rows.begin(), c.run->rows.end(),
                                     [&](const auto& row) { return (row.*balanced.row).has_value(); });
  });
  utility_ = measured ? &balanced : find_metric("test_accuracy");
  for (std::size_t g = 0; g < study_.groups.size(); ++g)
    for (auto seed : study_.seeds) serve(g, seed);
  comparisons_.resize(study_.groups.size());
  for (std::size_t g = 0; g < study_.groups.size(); ++g) compare(g);
}

/// What a cell's figures take from others of its group and seed.
void Analysis::pair(std::size_t i) {
  const auto& cell = study_.cells[i];
  auto& mine = *figures_[i];
  for (const auto& other : study_.cells) {
    const auto* f = figures(other);
    if (!f || other.group != cell.group || other.seed != cell.seed) continue;
    if (other.arm == study_.reference) {
      mine.excess = excess_of(mine.curve, f->curve, study_.rebound);
      passing(mine, *cell.run, f->late, study_.statistics);
    }
    if (other.run->summary.method == "none" && !mine.throughput_paired)
      if (const auto ratio = paired_throughput(mine.accepted, f->accepted)) {
        mine.throughput = ratio;
        mine.throughput_paired = true;
      }
  }
}

/// What users got in each of the cells of a group and seed, all over the same time.
void Analysis::serve(std::size_t group, std::uint64_t seed) {
  std::vector<CellFigures*> served;
  std::vector<double> ends;
  std::optional<double> round_seconds;  // the reference's
  for (std::size_t i = 0; i < study_.cells.size(); ++i) {
    const auto& cell = study_.cells[i];
    if (!figures_[i] || cell.group != group || cell.seed != seed) continue;
    auto& f = *figures_[i];
    if (cell.arm == study_.reference) round_seconds = f.round_seconds;
    f.served = served_curve(*cell.run, *utility_, f.restarted, f.round_updates);
    f.without_service = f.served.unknown;
    if (f.served.held.empty()) continue;  // nobody asked
    served.push_back(&f);
    ends.push_back(f.served.end);
  }
  if (served.empty()) return;
  const double horizon = service_horizon(ends, round_seconds);
  for (auto* f : served)
    if ((f->service = service_of(f->served, horizon, utility_margin()))) f->without_service.clear();
}

std::string moment_text(Moment moment, const ReboundPlan& plan) {
  if (moment == Moment::first) return "at once";
  return moment == Moment::settled && plan.enabled ? "after " + std::to_string(plan.rounds) + " rounds"
                                                   : std::string("at the end");
}

const record::Figures& figures_at(const CellFigures& f, Moment moment) {
  return moment == Moment::first ? f.first : moment == Moment::settled ? f.settled : f.late;
}

const CellFigures* Analysis::figures(const Cell& cell) const {
  const auto& f = figures_.at(static_cast<std::size_t>(&cell - study_.cells.data()));
  return f ? &*f : nullptr;
}

std::vector<const Cell*> Analysis::lacking(std::size_t group, std::size_t arm, const Has& has) const {
  std::vector<const Cell*> out;
  for (const auto* cell : study_.cells_of(group, arm))
    if (const auto* f = figures(*cell); f != nullptr && !has(*cell, *f)) out.push_back(cell);
  return out;
}

std::vector<std::string> Analysis::unjudged(std::size_t group, std::size_t arm, const Metric& metric) const {
  std::vector<std::string> out;
  const auto measured = [&](const Cell& c) {
    const auto* f = figures(c);
    return f != nullptr && ((f->late.*metric.figure) || (c.run->summary.final.*metric.figure));
  };
  if (std::none_of(study_.cells.begin(), study_.cells.end(), measured)) return out;
  for (auto which : arm == study_.reference ? std::vector{arm} : std::vector{arm, study_.reference})
    for (const auto* cell : lacking(group, which, [&](const Cell&, const CellFigures& f) {
           return (f.late.*metric.figure) && (f.first.*metric.figure) && (f.settled.*metric.figure);
         })) {
      const auto& f = *figures(*cell);
      std::string when;
      if (f.late.*metric.figure)
        when = " " + moment_text(f.first.*metric.figure ? Moment::settled : Moment::first, study_.rebound);
      out.push_back(cell->folder + " has no " + metric.title + when);
      for (const auto& flaw : cell->run->flaws)
        if (flaw.metric == &metric) out.back() += " (" + flaw.text + ")";
    }
  return out;
}

Analysis::Values Analysis::values(std::size_t group, std::size_t arm, const Figure& figure) const {
  Values out;
  for (const auto* cell : study_.cells_of(group, arm))
    if (const auto* f = figures(*cell))
      if (const auto v = figure(*cell, *f)) out[cell->seed] = *v;
  return out;
}

Analysis::Values Analysis::values(std::size_t group, std::size_t arm, const Metric& metric,
                                  Moment moment) const {
  return values(group, arm,
                [&](const Cell&, const CellFigures& f) { return figures_at(f, moment).*metric.figure; });
}

void Analysis::compare(std::size_t group) {
  const auto& plan = study_.statistics;
  auto& all = comparisons_[group];
  for (std::size_t arm = 0; arm < study_.arms.size(); ++arm) {
    if (arm == study_.reference) continue;
    for (const auto& metric : metrics()) {
      const auto p = pairs(values(group, arm, metric), values(group, study_.reference, metric));
      Comparison c{arm, &metric, paired_t_test(p.a, p.b, plan.confidence), {}, {}};
      if (const auto margin = plan.margins.find(metric.name); margin != plan.margins.end())
        c.equivalence = tost(p.a, p.b, margin->second, 1 - plan.confidence);
      all.push_back(c);
    }
  }
  std::vector<double> family;
  std::vector<Comparison*> members;
  for (auto& c : all)
    if (c.paired.p &&
        std::find(plan.family.begin(), plan.family.end(), c.metric->name) != plan.family.end()) {
      family.push_back(*c.paired.p);
      members.push_back(&c);
    }
  const auto adjusted = holm(family);
  for (std::size_t i = 0; i < members.size(); ++i) members[i]->holm_p = adjusted[i];
}

const Comparison& Analysis::comparison(std::size_t group, std::size_t arm, const Metric& metric) const {
  for (const auto& c : comparisons_.at(group))
    if (c.arm == arm && c.metric == &metric) return c;
  throw std::out_of_range("the reference is not compared with itself");
}

Pairs pairs(const Analysis::Values& a, const Analysis::Values& b) {
  Pairs out;
  for (const auto& [seed, value] : a)
    if (const auto other = b.find(seed); other != b.end()) {
      out.a.push_back(value);
      out.b.push_back(other->second);
    }
  return out;
}

std::vector<double> list(const Analysis::Values& values) {
  std::vector<double> out;
  for (const auto& [seed, value] : values) out.push_back(value);
  return out;
}

}  // namespace afu::figures
