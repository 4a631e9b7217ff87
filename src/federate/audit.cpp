#include "federate/audit.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "base/npz_file.hpp"
#include "base/output_file.hpp"
#include "config/scenario.hpp"
#include "config/text.hpp"
#include "engine/combine_job.hpp"
#include "model/vectors_file.hpp"
#include "train/train_job.hpp"

namespace afu::federate {

namespace {

using Json = nlohmann::ordered_json;

constexpr int audit_schema = 1;

Json rows_json(const data::IndicesPtr& rows) { return rows ? Json(*rows) : Json::array(); }

Json requests_json(const Setup& setup) {
  auto all = Json::array();
  const auto& erasures = setup.scenario->erasures;
  for (std::size_t i = 0; i < erasures.size(); ++i) {
    const auto& e = erasures[i];
    // A part is served alike, however it is told.
    const auto scope = config::is_part(e.scope) ? config::Scope::samples : e.scope;
    Json r{{"request", i}, {"scope", config::name_of(scope)}};
    if (e.named()) r["named"] = e.scope == config::Scope::subject ? Json(e.subjects) : Json(e.file);
    r["client"] = e.client >= 0 ? Json(e.client) : Json(nullptr);
    r["class"] = e.label >= 0 ? Json(e.label) : Json(nullptr);
    r["forget"] = i < setup.forget.size() ? rows_json(setup.forget[i]) : Json::array();
    all.push_back(std::move(r));
  }
  return all;
}

Json backdoor_json(const config::Backdoor& b, const data::FederatedData& d) {
  if (d.backdoor_client < 0) return nullptr;
  data::Indices copies;
  for (std::int64_t i = 0; i < d.poisoned; ++i) copies.push_back(d.poisoned_begin + i);
  return {{"client", d.backdoor_client},
          {"mapping", config::name_of(b.mapping)},
          {"label", d.backdoor_target.label},
          {"trigger", config::name_of(b.trigger)},
          {"size", b.size},
          {"opacity", b.opacity},
          {"poisoned", copies},
          {"originals", d.poisoned_originals},
          {"triggered_test", rows_json(d.triggered_test)},
          {"control_test", rows_json(d.control_test)},
          {"poisoned_holdout", rows_json(d.poisoned_holdout)}};
}

Json run_json(const Setup& setup, const lane::ModelInput& input) {
  const auto& s = *setup.scenario;
  const auto& d = *setup.data;
  auto clients = Json::array();
  for (std::size_t c = 0; c < d.clients.size(); ++c) {
    clients.push_back(
        {{"client", c},
         {"train", rows_json(d.clients[c].train)},
         {"holdout", rows_json(d.clients[c].holdout)},
         {"calibration", c < d.calibration.size() ? rows_json(d.calibration[c]) : Json::array()}});
    if (c < d.client_names.size()) clients.back()["site"] = d.client_names[c];
    if (!setup.shards.empty()) {
      auto shards = Json::array();
      for (const auto& rows : setup.shards[c]) shards.push_back(rows_json(rows));
      clients.back()["shards"] = std::move(shards);
    }
  }
  return {{"schema", audit_schema},
          {"seed", s.scenario.seed},
          {"model",
           {{"name", config::name_of(s.model.name)},
            {"channels", input.channels},
            {"depth", input.depth},
            {"height", input.height},
            {"width", input.width},
            {"classes", input.classes}}},
          {"layout", Json::parse(model::layout_json(setup.initial))},
          {"class_names", d.class_names},
          {"clients", std::move(clients)},
          {"requests", requests_json(setup)},
          {"test", rows_json(d.test)},
          {"validation", rows_json(d.val)},
          {"backdoor", backdoor_json(s.data.backdoor, d)}};
}

void write_data(const std::filesystem::path& file, const data::Images& pool) {
  const auto n = pool.size();
  auto shape = pool.dims();
  shape.insert(shape.begin(), n);
  std::vector<base::NpzArray> arrays{{"images", 'u', 1, shape, pool.pixels.data()}};
  std::vector<std::uint8_t> zeros_and_ones;  // of sets of labels
  if (pool.label_bits > 0) {
    for (auto set : pool.labels)
      for (std::int64_t l = 0; l < pool.label_bits; ++l)
        zeros_and_ones.push_back(data::has_label(set, l) ? 1 : 0);
    arrays.push_back({"labels", 'u', 1, {n, pool.label_bits}, zeros_and_ones.data()});
  } else {
    arrays.push_back({"labels", 'i', sizeof(std::int64_t), {n}, pool.labels.data()});
  }
  if (!pool.subjects.empty())
    arrays.push_back({"subjects", 'i', sizeof(std::int64_t), {n}, pool.subjects.data()});
  base::write_npz(file, arrays);
}

using record::AuditJob;

AuditJob job_line(const Post& post, const TrainTask& t, const Setup& setup) {
  const auto& s = *setup.scenario;
  const auto client = post.to - record::first_client_node;
  AuditJob j;
  j.kind = j.kernel = "train";
  j.job = t.job;
  j.version = t.version;
  j.epoch = t.epoch;
  j.key = training_key(s, client, t.job);
  for (std::uint32_t i = 0; i < s.erasures.size(); ++i)
    if (t.honours >> i & 1) j.left_out.push_back(i);
  j.lr = s.training.lr * t.lr_factor * (t.extras ? t.extras->lr_factor : 1.0);
  j.epochs = s.training.local_epochs;
  j.steps = s.training.local_steps;
  j.batch_size = s.training.batch_size;
  const auto add = [&](bool there, const char* what) {
    if (there) j.extras += (j.extras.empty() ? "" : " ") + std::string(what);
  };
  add(t.extras && t.extras->mask, "mask");
  add(t.extras && t.extras->anchor, "anchor");
  add(t.auxiliary != nullptr, "auxiliary");
  return j;
}

/// Of a job the sets of rows, in order, and the key.
class Described final : public job::Sink {
 public:
  explicit Described(AuditJob& line) : line_(line) {}
  void name(const char*) override {}
  void flag(bool) override {}
  void integer(std::int64_t) override {}
  void real(double) override {}
  void text(const std::string&) override {}
  void vector(const ParametersPtr&) override {}
  void rows(const base::IndicesPtr& v) override {
    if (v) line_.rows.push_back(v);
  }
  void key(const base::StreamKey& v) override {
    if (v.purpose != 0) line_.key = v;
  }
  void null() override {}
  void open_list(std::size_t) override {}
  void open_fields() override {}
  void close() override {}

 private:
  AuditJob& line_;
};

/// What `work` says of itself.
void describe(AuditJob& j, const JobPtr& work) {
  if (!work) return;
  j.kernel = work->name();
  Described fields(j);
  work->put(fields);
}

std::optional<AuditJob> job_line(const Post&, const CollectTask& t, const Setup&) {
  AuditJob j;
  j.kind = "collect";
  j.job = t.job;
  j.version = t.version;
  j.request = t.request;
  describe(j, t.work);
  return j;
}
std::optional<AuditJob> job_line(const Post&, const EraseTask& t, const Setup&) {
  AuditJob j;
  j.kind = "erase";
  j.job = t.request;
  j.version = t.version;
  j.request = t.request;
  describe(j, t.job);
  return j;
}
std::optional<AuditJob> job_line(const Post&, const CalibrateTask& t, const Setup&) {
  AuditJob j;
  j.kind = "calibrate";
  j.version = t.base_version;
  if (t.request != no_request) j.job = t.request, j.request = t.request;
  describe(j, t.job);
  return j;
}
template <class Other>
std::optional<AuditJob> job_line(const Post&, const Other&, const Setup&) {
  return std::nullopt;
}

}  // namespace

void write_audit_start(const std::filesystem::path& folder, const Setup& setup,
                       const lane::ModelInput& input) {
  base::write_whole(folder / "run.json",
                    run_json(setup, input).dump(-1, ' ', false, Json::error_handler_t::replace) + '\n');
  write_data(folder / "data.npz", *setup.data->pool);
  model::write_vectors(folder / "initial.npz", {{"initial", setup.initial}, {"restart", setup.restart}});
}

AuditedUpdates::AuditedUpdates(const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (const auto job = config::job_named(name)) awaited_.insert(*job);
}

void AuditedUpdates::take(const Update& m, Effects& fx) {
  if (m.delta && awaited_.erase({m.client, m.job}) > 0)
    fx.audited.push_back({fmt::format("client_{}_job_{}", m.client, m.job), m.delta});
}

std::vector<std::string> AuditedUpdates::missing() const {
  std::vector<std::string> all;
  for (const auto& [client, job] : awaited_)
    all.push_back(fmt::format(
        "output.audit_updates: \"{}/{}\" is not in audit/: no such update reached the server", client, job));
  return all;
}

std::optional<record::AuditJob> audited_job(const Post& post, const Setup& setup) {
  auto job = std::visit(
      [&](const auto& payload) -> std::optional<AuditJob> { return job_line(post, payload, setup); },
      post.payload);
  if (job) job->to = post.to;
  return job;
}

}  // namespace afu::federate
