#include "cli/distances.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/csv_figure.hpp"
#include "base/input_error.hpp"
#include "base/json_text.hpp"
#include "base/output_file.hpp"
#include "cli/study_folder.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "config/same_federation.hpp"
#include "config/scenario.hpp"
#include "data/federated.hpp"
#include "data/named_samples.hpp"
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
      : Examination(data::load_source(s.data, s.scenario.seed, s.file), s) {}

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
  Examination(const data::Source& source, const config::Scenario& s)
      : data_(data::federate(source, *named(source, s))),
        workspace_(model::make_model(s.model, {data_.pool->channels, data_.pool->height, data_.pool->width,
                                               data_.classes(), data_.pool->depth}),
                   engine::make_resident(data_.pool, torch::kCPU), torch::kCPU),
        batch_size_(s.evaluation.batch_size) {
    const auto asked = named(source, s);
    sets_ = *metrics::evaluation_sets(data_, *asked, data::requested_rows(data_, *asked));
  }

  /// What it is told of it the runs have told.
  static std::shared_ptr<const config::Scenario> named(const data::Source& source,
                                                       const config::Scenario& s) {
    std::vector<std::string> told;
    return data::name_requests(source, std::make_shared<const config::Scenario>(s), told);
  }

  data::FederatedData data_;
  engine::Workspace workspace_;
  metrics::EvaluationSets sets_;
  std::int64_t batch_size_;
};

/// The figures of distances.csv, of those that attack::compare has.
bool is_kept(const attack::ComparisonRow& r) {
  return r.reference == attack::mean_of_references &&
         ((r.set == "forget" && (r.figure == "js" || r.figure == "kl" || r.figure == "agreement")) ||
          (r.set == "triggered" && r.figure == "js") || r.set == "membership" || r.set == "parameters" ||
          (r.set.rfind("layer:", 0) == 0 && r.figure != "cosine"));
}

/// Why the models of `cell` cannot be held against those of `reference`, a cell of the same group; empty: they can.
std::string unlike(const study::Cell& cell, const study::Cell& reference) {
  std::string keys;
  for (const auto& d : config::federation_differences(cell.scenario, reference.scenario))
    keys += (keys.empty() ? "" : "; ") + d;
  return keys.empty() ? "" : fmt::format("not of the same federation as {}: {}", reference.folder, keys);
}

/// A group's cells that completed, those of the references apart.
struct Group {
  std::vector<const study::Cell*> cells, references;
  std::string missing;  ///< references that did not
};

Group group_of(const study::Plan& plan, std::size_t number, const fs::path& folder,
               std::vector<std::string>& left_out) {
  const auto& names = plan.study.distances;
  Group group;
  for (const auto& c : plan.cells) {
    if (c.group != number) continue;
    const bool complete = has_completed(folder / c.folder);
    const bool reference = std::find(names.begin(), names.end(), plan.study.arms[c.arm].name) != names.end();
    if (complete) group.cells.push_back(&c);
    if (reference && complete) group.references.push_back(&c);
    if (!reference && !complete) {
      const auto ended = ending_of(folder / c.folder);
      left_out.push_back(
          fmt::format("{} is left out: {}", c.folder, ended.empty() ? "no run of it ended" : ended));
    }
    if (reference && !complete) group.missing += (group.missing.empty() ? "" : ", ") + c.folder;
  }
  return group;
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
  std::vector<std::string> left_out;
  if (plan.study.distances.empty()) return left_out;
  fmt::memory_buffer text;
  const auto write = [&](const std::string& cell, const char* point, const attack::ComparisonRow& r) {
    base::append(text, FMT_COMPILE("{},{},{}.{},{}\n"), cell, point, r.set, r.figure,
                 base::csv_figure(r.value));
  };
  base::append_text(text, "cell,point,figure,value\n");
  for (std::size_t number = 0; number < plan.groups; ++number) {
    auto group = group_of(plan, number, folder, left_out);
    if (!group.missing.empty()) {
      left_out.push_back("its group is left out, since not complete: " + group.missing);
      continue;
    }
    const auto& first = *group.references.front();
    Examination examination(first.scenario);
    // Null where the run has no such model, or one that cannot be compared; why then stands in `why`.
    std::string why;
    const auto load = [&](const study::Cell& c, const std::string& kept) -> std::optional<attack::Compared> {
      why = unlike(c, first);
      if (!why.empty()) return std::nullopt;
      try {
        auto model = examination.load({(folder / c.folder).string(), kept});
        model.name = c.folder;
        return model;
      } catch (const InputError& e) {
        why = e.what();
        return std::nullopt;
      }
    };
    std::vector<attack::Compared> against;
    for (const auto* r : group.references)
      if (auto model = load(*r, "model.pt"))
        against.push_back(std::move(*model));
      else
        group.missing += fmt::format("{}{} ({})", group.missing.empty() ? "" : ", ", r->folder, why);
    if (!group.missing.empty()) {
      left_out.push_back("its group is left out, since there is no model to compare with: " + group.missing);
      continue;
    }
    for (const char* point : {"merged", "plus16", "final"}) {
      const bool last = std::string(point) == "final";
      const auto kept = last ? std::string("model.pt") : fmt::format("snapshot_{}.pt", point);
      std::vector<attack::Compared> runs;
      for (const auto* c : group.cells) {
        if (!last && !fs::exists(folder / c->folder / kept)) continue;  // the run has no such point
        if (auto model = load(*c, kept))
          runs.push_back(std::move(*model));
        else if (last)
          left_out.push_back(fmt::format("{} is left out: {}", c->folder, why));
      }
      const auto comparison = examination.compare(runs, against);
      for (const auto& name : comparison.not_finite)
        tell("afu: note: {} ({}): its parameters or answers are not finite: no distances\n", name, point);
      for (const auto& r : comparison.rows) {
        if (!is_kept(r)) continue;
        if (r.run != attack::among_references)
          write(r.run, point, r);
        else if (last)
          write(first.folder, "references", r);
      }
    }
  }
  base::write_whole(folder / "distances.csv", {text.data(), text.size()});
  return left_out;
}

}  // namespace afu::cli
