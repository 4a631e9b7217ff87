/// What a single run's report says: a study of one arm and one cell, without claims.
#include <fmt/format.h>

#include "figures/client_figures.hpp"
#include "figures/constant_classifier.hpp"
#include "figures/figure_text.hpp"
#include "page/charts.hpp"
#include "page/report.hpp"
#include "page/tables.hpp"
#include "page/timeline.hpp"

namespace afu::page {

namespace {

DataTable figures_table(const figures::Run& run) {
  DataTable t{"figures",
              "The model before the erasure and at the end.",
              {{"metric", "", false},
               {"before the erasure", "", true},
               {"at the end", "", true},
               {"change", "", true}},
              {},
              false};
  for (const auto& m : figures::metrics()) {
    const auto before = run.summary.before_erasure.*m.figure, after = run.summary.final.*m.figure;
    const auto change = before && after ? std::optional(*after - *before) : std::nullopt;
    auto title = text_cell(m.title);
    title.text += figures::majority_aside(m, {&run.summary});
    t.rows.push_back({std::move(title), number_cell(figures::value_text(m, before), before),
                      number_cell(figures::value_text(m, after), after),
                      number_cell(figures::difference_text(m, change), change)});
  }
  return t;
}

DataTable erasures_table(const figures::Run& run) {
  DataTable t{"erasures",
              "Requests to be forgotten; times in seconds on the run's clock.",
              {{"what", "", false},
               {"requested", "s", true},
               {"merged", "s", true},
               {"forgotten", "s", true},
               {"downtime", "s", true},
               {"throughput", "", true},
               {"lost updates", "", true},
               {"late updates", "", true},
               {"retained updates lost", "", true},
               {"rebound max", "share", true},
               {"rebound end", "share", true},
               {"rebound of", "", false},
               {"forget accuracy before", "", true},
               {"at the end", "", true},
               {"membership AUC before", "", true},
               {"at the end", "", true},
               {"outcome", "", false},
               {"why", "", false}},
              {},
              false};
  for (const auto& e : run.summary.erasures) {
    const auto number = [](std::optional<double> v, int digits) {
      return number_cell(v ? fmt::format("{:.{}f}", *v, digits) : figures::absent_text, v);
    };
    const auto own = [&](const char* metric, const std::optional<double>& v) {
      return number_cell(figures::value_text(*figures::find_metric(metric), v), v);
    };
    t.rows.push_back(
        {text_cell(record::covers_text(e)), number(e.requested_at, 2), number(e.merged_at, 2),
         number(e.forgotten_at, 2), number(e.downtime_seconds, 2), number(e.retained_throughput_ratio, 2),
         number(static_cast<double>(e.lost_updates), 0), number(static_cast<double>(e.late_updates), 0),
         number(e.updates_lost ? std::optional(static_cast<double>(*e.updates_lost)) : std::nullopt, 0),
         number_cell(figures::points_text(e.rebound_max), e.rebound_max),
         number_cell(figures::points_text(e.rebound_end), e.rebound_end), text_cell(e.rebound_of),
         own("forget_accuracy", e.found.forget_accuracy), own("forget_accuracy", e.final.forget_accuracy),
         own("mia_auc", e.found.mia_auc), own("mia_auc", e.final.mia_auc), text_cell(to_string(e.outcome)),
         text_cell(e.reason)});
  }
  return t;
}

}  // namespace

Document run_document(const figures::Run& run) {
  figures::Study study;
  study.folder = run.folder;
  study.seeds = {run.summary.seed};
  study.arms = {{run.summary.method, figures::Arm::Role::method, false}};
  study.groups = {""};
  study.group_values = {{}};
  study.rebound.round_updates = 0;  // as many as the log has retained clients
  study.cells.push_back({0, 0, run.summary.seed, ".", figures::Cell::State::completed, {}, run});
  const figures::Analysis a(std::move(study));
  const auto* of_run = a.figures(a.study().cells[0]);
  if (of_run == nullptr) throw figures::ReportError(a.study().cells[0].why);

  const auto& s = run.summary;
  Document d{s.scenario + ": " + s.method,
             fmt::format("One run, seed {}, {} clock, {}: {}, {} on the run's clock, {} real.", s.seed,
                         s.clock, s.ended, figures::counted(s.updates, "update"),
                         figures::seconds_text(s.virtual_seconds), figures::seconds_text(s.wall_seconds)),
             {}};
  Section figures{"findings", "Figures", {}}, curves{"curves", "Over time", {}},
      timelines{"timelines", "Who did what around the erasure", {}},
      blame{"waiting", "What the rounds waited for", {}}, cost{"costs", "What it cost", {}},
      origin{"origin", "Where it comes from", {}};
  figures.parts.emplace_back(figures_table(run));
  if (!s.erasures.empty()) figures.parts.emplace_back(erasures_table(run));
  const auto* asked = record::first_request(s);
  const auto clients =
      figures::read_client_figures(run.folder, asked != nullptr ? asked->requested_at : std::nullopt);
  for (const auto* set : {"holdout", "test"})
    if (auto table = clients_table(clients, set)) figures.parts.emplace_back(std::move(*table));
  if (auto service = service_table(a, 0); !service.rows.empty())
    figures.parts.emplace_back(std::move(service));
  for (const auto& why : without_service(a, 0))
    figures.parts.emplace_back(Paragraph{"What users of the model got is not known: " + why + "."});
  std::string flaws;
  for (const auto& flaw : run.flaws) flaws += (flaws.empty() ? "" : "; ") + flaw.text;
  if (!flaws.empty()) figures.parts.emplace_back(Paragraph{"Figures that are missing: " + flaws + "."});
  for (const auto& warning : s.warnings) figures.parts.emplace_back(Paragraph{"Warning: " + warning + "."});
  if (!of_run->has_log)
    figures.parts.emplace_back(
        Paragraph{"There is no event log (output.events), so that what the rounds waited for is not known."});
  for (auto& chart : metric_curves(run)) curves.parts.emplace_back(std::move(chart));
  if (auto chart = timeline(run, of_run->round_seconds, "timeline", s.method))
    timelines.parts.emplace_back(std::move(*chart));
  blame.parts.emplace_back(blame_table(a, 0));
  blame.parts.emplace_back(rounds_table(a, 0));
  cost.parts.emplace_back(cost_table(a, 0));
  DataTable context{
      "context", "Machine and libraries.", {{"what", "", false}, {"value", "", false}}, {}, false};
  for (const auto& [key, value] : run.context) context.rows.push_back({text_cell(key), text_cell(value)});
  origin.parts.emplace_back(std::move(context));
  if (const auto file = run.folder / "scenario.toml"; std::filesystem::exists(file))
    origin.parts.emplace_back(Preformatted{"The resolved scenario", figures::read_file(file)});

  for (auto* section : {&figures, &curves, &timelines, &blame, &cost, &origin})
    if (!section->parts.empty()) d.sections.push_back(std::move(*section));
  return d;
}

}  // namespace afu::page
