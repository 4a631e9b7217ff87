#include "cli/distances.hpp"

#include <fmt/format.h>

#include "base/csv_figure.hpp"
#include "base/json_text.hpp"
#include "base/output_file.hpp"
#include "cli/study_folder.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "config/scenario.hpp"
#include "data/federated.hpp"
#include "data/requests.hpp"
#include "engine/workspace.hpp"
#include "metrics/evaluate_job.hpp"
#include "metrics/sets.hpp"
#include "model/archive.hpp"

namespace afu::cli {

namespace fs = std::filesystem;

namespace {

/// What models of one federation are asked on.
class Examination {
 public:
  explicit Examination(const config::Scenario& s)
      : data_(data::federate(data::load_source(s.data, s.scenario.seed, s.file), s)),
        workspace_(model::make_model(s.model, {data_.pool->channels, data_.pool->height, data_.pool->width,
                                               data_.classes()}),
                   engine::make_resident(data_.pool, torch::kCPU), torch::kCPU),
        batch_size_(s.evaluation.batch_size) {
    sets_ = *metrics::evaluation_sets(data_, s, data::requested_rows(data_, s));
  }

  attack::Compared load(const KeptModel& kept) {
    const auto path = fs::path(kept.folder) / kept.file;
    if (!fs::exists(path))
      throw UsageError(
          fmt::format("{}: the run holds no {} (output.model, output.snapshots)", kept.folder, kept.file));
    return {kept.folder, model::read_parameters(path.string(), workspace_.layout())};
  }
  attack::Comparison compare(const std::vector<attack::Compared>& runs,
                             const std::vector<attack::Compared>& references) {
    return attack::compare(workspace_, runs, references, sets_, batch_size_);
  }

 private:
  data::FederatedData data_;
  engine::Workspace workspace_;
  metrics::EvaluationSets sets_;
  std::int64_t batch_size_;
};

/// The figures of distances.csv, of those that attack::compare has.
bool is_kept(const attack::ComparisonRow& r) {
  return r.reference == attack::mean_of_references &&
         ((r.set == "forget" && (r.figure == "js" || r.figure == "kl" || r.figure == "agreement")) ||
          (r.set == "triggered" && r.figure == "js") || r.set == "membership" ||
          (r.set == "parameters" && r.figure == "relative"));
}

}  // namespace

attack::Comparison distances_between(const config::Scenario& federation, const std::vector<KeptModel>& runs,
                                     const std::vector<KeptModel>& references) {
  Examination examination(federation);
  std::vector<attack::Compared> compared, against;
  for (const auto& r : runs) compared.push_back(examination.load(r));
  for (const auto& r : references) against.push_back(examination.load(r));
  return examination.compare(compared, against);
}

std::vector<std::string> write_distances(const study::Plan& plan, const fs::path& folder) {
  const auto& names = plan.study.distances;
  std::vector<std::string> left_out;
  if (names.empty()) return left_out;
  fmt::memory_buffer text;
  const auto write = [&](const std::string& cell, const char* point, const attack::ComparisonRow& r) {
    base::append(text, FMT_COMPILE("{},{},{}.{},{}\n"), cell, point, r.set, r.figure,
                 base::csv_figure(r.value));
  };
  base::append_text(text, "cell,point,figure,value\n");
  for (std::size_t group = 0; group < plan.groups; ++group) {
    std::vector<const study::Cell*> cells, references;
    std::string missing;
    for (const auto& c : plan.cells) {
      if (c.group != group) continue;
      const bool complete = has_completed(folder / c.folder);
      const bool reference =
          std::find(names.begin(), names.end(), plan.study.arms[c.arm].name) != names.end();
      if (complete) cells.push_back(&c);
      if (reference && complete) references.push_back(&c);
      if (!reference && !complete) {
        const auto ended = ending_of(folder / c.folder);
        left_out.push_back(
            fmt::format("{} is left out: {}", c.folder, ended.empty() ? "no run of it ended" : ended));
      }
      if (reference && !complete) missing += (missing.empty() ? "" : ", ") + c.folder;
    }
    if (!missing.empty()) {
      left_out.push_back("its group is left out, since not complete: " + missing);
      continue;
    }
    Examination examination(references.front()->scenario);
    const auto load = [&](const study::Cell& c, const char* kept) {
      auto model = examination.load({(folder / c.folder).string(), kept});
      model.name = c.folder;
      return model;
    };
    std::vector<attack::Compared> against;
    for (const auto* r : references) against.push_back(load(*r, "model.pt"));
    for (const char* point : {"merged", "plus16", "final"}) {
      const bool last = std::string(point) == "final";
      const auto kept = last ? std::string("model.pt") : fmt::format("snapshot_{}.pt", point);
      std::vector<attack::Compared> runs;
      for (const auto* c : cells)
        if (fs::exists(folder / c->folder / kept)) runs.push_back(load(*c, kept.c_str()));
      const auto comparison = examination.compare(runs, against);
      for (const auto& name : comparison.not_finite)
        tell("afu: note: {} ({}): its parameters or answers are not finite: no distances\n", name, point);
      for (const auto& r : comparison.rows) {
        if (!is_kept(r)) continue;
        if (r.run != attack::among_references)
          write(r.run, point, r);
        else if (last)
          write(references.front()->folder, "references", r);
      }
    }
  }
  base::write_whole(folder / "distances.csv", {text.data(), text.size()});
  return left_out;
}

}  // namespace afu::cli
