#include "report/analysis.hpp"

#include <algorithm>
#include <stdexcept>

namespace afu::report {

namespace {

std::optional<double> mean_of(const std::vector<double>& values) {
  return values.empty() ? std::nullopt : std::optional(stats::mean(values));
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
  f.rounds = blame_rounds(log, round_updates > 0 ? round_updates : retained_clients(log));
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

void passing(CellFigures& f, const Run& run, const record::Figures& reference, const StatisticsPlan& plan) {
  const auto attack = plan.margins.find("attack_success_rate"), test = plan.margins.find("test_accuracy");
  if (!reference.attack_success_rate || !reference.test_accuracy || attack == plan.margins.end() ||
      test == plan.margins.end() || !f.latency || run.summary.erasures.size() != 1)
    return;
  const auto requested = run.summary.erasures.front().requested_at;
  if (!requested) return;
  const auto time = passing_time(
      run.rows, *requested + *f.latency,
      {*reference.attack_success_rate + attack->second, *reference.test_accuracy - test->second});
  if (time) f.passing = *time - *requested;
}

}  // namespace

CellFigures figures_of(const Run& run, const ReboundPlan& plan, std::size_t late) {
  CellFigures f;
  f.late = late_figures(run, late);
  read_log(f, run, plan.round_updates);
  const auto restarted = f.has_log ? std::optional(f.restarted) : restarted_by(run);
  f.restarted = restarted.value_or(false);
  std::vector<std::optional<double>> downtimes, throughputs;
  std::optional<double> origin;
  f.erased = !run.summary.erasures.empty();
  for (const auto& e : run.summary.erasures) {
    const auto& erased_at = f.restarted ? e.forgotten_at : e.merged_at;
    if (erased_at && e.requested_at)
      f.latencies.push_back(*erased_at - *e.requested_at);
    else
      f.erased = false;
    if (!origin) origin = erased_at ? erased_at : e.requested_at;
    downtimes.push_back(e.downtime_seconds);
    throughputs.push_back(e.retained_throughput_ratio);
    f.client_passes += e.client_passes;
    f.server_passes += e.server_passes;
    f.stored_bytes = std::max(f.stored_bytes, static_cast<double>(e.stored_bytes));
  }
  if (!restarted) f.latencies.clear();
  f.latency = f.erased ? mean_of(f.latencies) : std::nullopt;
  f.downtime = mean_of_all(downtimes);
  f.throughput = mean_of_all(throughputs);
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
           return (f.late.*metric.figure).has_value();
         })) {
      out.push_back(cell->folder + " has no " + metric.title);
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

Analysis::Values Analysis::values(std::size_t group, std::size_t arm, const Metric& metric) const {
  return values(group, arm, [&](const Cell&, const CellFigures& f) { return f.late.*metric.figure; });
}

void Analysis::compare(std::size_t group) {
  const auto& plan = study_.statistics;
  auto& all = comparisons_[group];
  for (std::size_t arm = 0; arm < study_.arms.size(); ++arm) {
    if (arm == study_.reference) continue;
    for (const auto& metric : metrics()) {
      const auto p = pairs(values(group, arm, metric), values(group, study_.reference, metric));
      Comparison c{arm, &metric, stats::paired_t_test(p.a, p.b, plan.confidence), {}, {}};
      if (const auto margin = plan.margins.find(metric.name); margin != plan.margins.end())
        c.equivalence = stats::tost(p.a, p.b, margin->second, 1 - plan.confidence);
      all.push_back(std::move(c));
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
  const auto adjusted = stats::holm(family);
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

}  // namespace afu::report
