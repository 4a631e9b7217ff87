/// What a run waited for and what it cost.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "figures/figure_text.hpp"
#include "page/tables.hpp"

namespace afu::page {

namespace {

std::string with_group(const figures::Study& study, const std::string& caption, std::size_t group) {
  return study.groups[group].empty() ? caption : caption + " " + study.groups[group] + ".";
}

/// Rounds of all of an arm's cells in one stretch of the run.
struct Stretch {
  std::size_t rounds = 0;
  figures::PathTime path;
  double others_waited = 0;
  std::map<std::uint32_t, std::size_t> ended_by;
  const record::Summary* summary = nullptr;  ///< of one of the runs
};

enum Part : std::size_t { before, during, after, parts };
constexpr std::array<const char*, parts> part_names{"before the request", "while it is served", "afterwards"};

Part part_of(const figures::RoundBlame& r, const figures::Run& run) {
  const auto* first = record::first_request(run.summary);
  if (!first || r.end <= *first->requested_at) return before;
  double served = *first->requested_at;
  for (const auto& e :
       run.summary.erasures)  // what neither merged nor ended was never begun (the client just left)
    if (e.merged_at || e.forgotten_at)
      served = std::max(served, e.forgotten_at.value_or(run.summary.virtual_seconds));
  return r.begin < served ? during : after;
}

}  // namespace

DataTable blame_table(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  DataTable t{study.id_of("blame", group),
              with_group(study,
                         "What a round waited for: mean seconds of its critical path, over all cells. Where "
                         "the server gathers updates a round ends with a merge, otherwise with every round's "
                         "worth of accepted updates. Queue: work that nobody took up or a result that lay "
                         "waiting; link: download and upload; compute: at a client; barrier: an update in "
                         "the server's buffer; stall: the server halted for an erasure. Others waited: idle "
                         "time of the other updates of the round, summed. Straggler: whose update most often "
                         "came last.",
                         group),
              {{"arm", "", false},
               {"stretch", "", false},
               {"rounds", "", true},
               {"round", "s", true},
               {"queue", "s", true},
               {"compute", "s", true},
               {"link", "s", true},
               {"barrier", "s", true},
               {"unlearning stall", "s", true},
               {"others waited", "s", true},
               {"straggler", "", false}},
              {},
              false};
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    std::array<Stretch, parts> stretches;
    for (const auto* cell : study.cells_of(group, arm)) {
      const auto* f = a.figures(*cell);
      if (!f) continue;
      for (const auto& r : f->rounds) {
        auto& s = stretches[part_of(r, *cell->run)];
        ++s.rounds;
        s.path += r.path;
        s.others_waited += r.others_waited;
        ++s.ended_by[r.client];
        s.summary = &cell->run->summary;
      }
    }
    for (std::size_t part = 0; part < parts; ++part) {
      const auto& s = stretches[part];
      if (s.rounds == 0) continue;
      const double n = static_cast<double>(s.rounds);
      const auto worst = std::max_element(s.ended_by.begin(), s.ended_by.end(),
                                          [](const auto& l, const auto& r) { return l.second < r.second; });
      std::vector<TableCell> row{text_cell(study.arms[arm].name), text_cell(part_names[part]),
                                 number_cell(fmt::format("{}", s.rounds), n)};
      for (double v : {s.path.total(), s.path.queue, s.path.compute, s.path.link, s.path.barrier,
                       s.path.stall, s.others_waited})
        row.push_back(number_cell(fmt::format("{:.3f}", v / n), v / n));
      row.push_back(text_cell(fmt::format("{} ({:.0f} %)", s.summary->client_text(worst->first),
                                          100 * static_cast<double>(worst->second) / n)));
      t.rows.push_back(std::move(row));
    }
  }
  return t;
}

DataTable rounds_table(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  DataTable t{
      study.id_of("rounds", group),
      with_group(study, "The critical path of every round, of the first seed of each arm that completed.",
                 group),
      {{"arm", "", false},
       {"seed", "", true},
       {"round", "", true},
       {"begin", "s", true},
       {"end", "s", true},
       {"queue", "s", true},
       {"compute", "s", true},
       {"link", "s", true},
       {"barrier", "s", true},
       {"unlearning stall", "s", true},
       {"others waited", "s", true},
       {"straggler", "", false}},
      {},
      true};
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm)
    for (const auto* cell : study.cells_of(group, arm)) {
      const auto* f = a.figures(*cell);
      if (!f) continue;
      for (std::size_t i = 0; i < f->rounds.size(); ++i) {
        const auto& r = f->rounds[i];
        std::vector<TableCell> row{
            text_cell(study.arms[arm].name),
            number_cell(fmt::format("{}", cell->seed), static_cast<double>(cell->seed)),
            number_cell(fmt::format("{}", i + 1), static_cast<double>(i + 1))};
        for (double v : {r.begin, r.end, r.path.queue, r.path.compute, r.path.link, r.path.barrier,
                         r.path.stall, r.others_waited})
          row.push_back(number_cell(fmt::format("{:.3f}", v), v));
        row.push_back(text_cell(cell->run->summary.client_text(r.client)));
        t.rows.push_back(std::move(row));
      }
      break;
    }
  return t;
}

DataTable cost_table(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  DataTable t{
      study.id_of("cost", group),
      with_group(
          study,
          "What it cost, means over the seeds. For the erasure: sample gradients at clients and at the "
          "server, the most bytes the server held; updates that were refused, or late, and merged updates of clients that "
          "stay whose effect was lost where a model was put in the published one's place. For the whole run: updates "
          "accepted, samples trained, traffic, time.",
          group),
      {{"arm", "", false},
       {"client passes", "samples", true},
       {"server passes", "samples", true},
       {"stored", "bytes", true},
       {"lost updates", "", true},
       {"late updates", "", true},
       {"retained updates lost", "", true},
       {"updates", "", true},
       {"samples trained", "", true},
       {"traffic", "bytes", true},
       {"run's clock", "s", true},
       {"real time", "s", true}},
      {},
      false};
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    const auto mean = [&](auto get) {
      const auto values =
          figures::list(a.values(group, arm, [&](const figures::Cell& c, const figures::CellFigures& f) {
            return std::optional<double>(get(c, f));
          }));
      return values.empty() ? std::nullopt : std::optional(figures::mean(values));
    };
    const auto number = [&](auto get, const char* format) {
      const auto v = mean(get);
      return number_cell(v ? fmt::format(fmt::runtime(format), *v) : figures::absent_text, v);
    };
    const auto bytes = [&](auto get) {
      const auto v = mean(get);
      return number_cell(v ? figures::bytes_text(*v) : figures::absent_text, v);
    };
    const auto of_erasures = [](const figures::Cell& c, std::int64_t record::ErasureRecord::*member) {
      double sum = 0;
      for (const auto& e : c.run->summary.erasures) sum += static_cast<double>(e.*member);
      return sum;
    };
    using E = record::ErasureRecord;
    t.rows.push_back(
        {text_cell(study.arms[arm].name),
         number([](const figures::Cell&, const figures::CellFigures& f) { return f.client_passes; },
                "{:.0f}"),
         number([](const figures::Cell&, const figures::CellFigures& f) { return f.server_passes; },
                "{:.0f}"),
         bytes([](const figures::Cell&, const figures::CellFigures& f) { return f.stored_bytes; }),
         number([&](const figures::Cell& c,
                    const figures::CellFigures&) { return of_erasures(c, &E::lost_updates); },
                "{:.1f}"),
         number([&](const figures::Cell& c,
                    const figures::CellFigures&) { return of_erasures(c, &E::late_updates); },
                "{:.1f}"),
         number([](const figures::Cell&, const figures::CellFigures& f) { return f.updates_lost; }, "{:.1f}"),
         number([](const figures::Cell& c,
                   const figures::CellFigures&) { return static_cast<double>(c.run->summary.updates); },
                "{:.0f}"),
         number(
             [](const figures::Cell& c, const figures::CellFigures&) {
               return static_cast<double>(c.run->summary.samples_trained);
             },
             "{:.0f}"),
         bytes([](const figures::Cell& c, const figures::CellFigures&) {
           return static_cast<double>(c.run->summary.bytes_sent);
         }),
         number([](const figures::Cell& c,
                   const figures::CellFigures&) { return c.run->summary.virtual_seconds; },
                "{:.2f}"),
         number(
             [](const figures::Cell& c, const figures::CellFigures&) { return c.run->summary.wall_seconds; },
             "{:.1f}")});
  }
  return t;
}

}  // namespace afu::page
