#include "record/summary.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/output_file.hpp"

namespace afu::record {

namespace {

using Json = nlohmann::ordered_json;

Json figure(const std::optional<double>& v) { return v && std::isfinite(*v) ? Json(*v) : Json(); }
Json text(const std::string& v) { return v.empty() ? Json() : Json(v); }
Json size(std::uint64_t v) { return v == 0 ? Json() : Json(v); }

Json figures(const Figures& f) {
  return {{"test_accuracy", figure(f.test_accuracy)},
          {"balanced_accuracy", figure(f.balanced_accuracy)},
          {"test_auc", figure(f.test_auc)},
          {"test_loss", figure(f.test_loss)},
          {"calibration_error", figure(f.calibration_error)},
          {"brier_score", figure(f.brier_score)},
          {"forget_accuracy", figure(f.forget_accuracy)},
          {"retain_accuracy", figure(f.retain_accuracy)},
          {"attack_success_rate", figure(f.attack_success_rate)},
          {"mia_auc", figure(f.mia_auc)}};
}

Json figures(const RequestFigures& f) {
  Json j{{"forget_accuracy", figure(f.forget_accuracy)},
         {"attack_success_rate", figure(f.attack_success_rate)},
         {"mia_auc", figure(f.mia_auc)}};
  if (f.poisoned_success) j["poisoned_success"] = figure(f.poisoned_success);
  return j;
}

Json erasure(const ErasureRecord& e) {
  Json j{{"client", e.client < 0 ? Json() : Json(e.client)},
         {"scope", e.scope},
         {"class", e.label < 0 ? Json() : Json(e.label)},
         {"samples", e.samples},
         {"requested_at", figure(e.requested_at)},
         {"merged_at", figure(e.merged_at)},
         {"forgotten_at", figure(e.forgotten_at)},
         {"downtime_seconds", figure(e.downtime_seconds)},
         {"retained_throughput_ratio", figure(e.retained_throughput_ratio)},
         {"lost_updates", e.lost_updates},
         {"late_updates", e.late_updates},
         {"updates_lost", e.updates_lost ? Json(*e.updates_lost) : Json()},
         {"rebound_of", text(e.rebound_of)},
         {"rebound_max", figure(e.rebound_max)},
         {"rebound_end", figure(e.rebound_end)},
         {"before", figures(e.found)},
         {"final", figures(e.final)},
         {"outcome", to_string(e.outcome)},
         {"reason", text(e.reason)}};
  if (!e.site.empty()) j["site"] = e.site;
  if (!e.subjects.empty()) j["subject"] = e.subjects;
  if (!e.file.empty()) j["file"] = e.file;
  return j;
}

Json unused(const UnusedWork& u) {
  return {{"rejected_updates", u.rejected_updates},
          {"late_updates_dropped", u.late_updates_dropped},
          {"lost_jobs", u.lost_jobs},
          {"buffered_at_end", u.buffered_at_end},
          {"busy_at_end", u.busy_at_end},
          {"clients_never_heard", u.clients_never_heard},
          {"clients_gone", u.clients_gone},
          {"not_finite_updates", u.not_finite_updates},
          {"not_finite_work", u.not_finite_work}};
}

Json shortened(const Shortened& s) {
  return {{"updates", s.updates}, {"erasure_work", s.erasure_work}, {"calibrations", s.calibrations}};
}

Json divergence(const std::optional<Divergence>& d) {
  if (!d) return {};
  const auto number = [](const auto& v) { return v ? Json(*v) : Json(); };
  return {{"what", d->what},         {"client", number(d->client)},
          {"job", number(d->job)},   {"request", number(d->request)},
          {"version", d->version},   {"updates", d->updates},
          {"time", figure(d->time)}, {"text", to_string(*d)}};
}

Json set_labels(const std::optional<SetLabels>& s) {
  if (!s) return {};
  Json set{{"samples", s->samples},
           {"classes", s->classes},
           {"majority_share", figure(s->majority_share)},
           {"entropy", figure(s->entropy)}};
  if (s->labels > 0) set["labels"] = s->labels;
  return set;
}

/// `sum` over `n`; null where n is 0.
Json mean(double sum, std::uint64_t n) { return n == 0 ? Json() : Json(sum / static_cast<double>(n)); }

Json calibrations(const CalibrationTotals& c) {
  return {{"count", c.count},     {"steps", c.steps},
          {"passes", c.passes},   {"samples", c.samples},
          {"seconds", c.seconds}, {"mean_staleness", mean(static_cast<double>(c.staleness_sum), c.count)}};
}

Json guard(const std::optional<GuardFigures>& g) {
  if (!g) return {};
  const double n = static_cast<double>(g->updates);
  const double square = g->cosine_square_sum - g->cosine_sum * g->cosine_sum / std::max(n, 1.0);
  return {{"updates", g->updates},
          {"mean_cosine", mean(g->cosine_sum, g->updates)},
          {"cosine_deviation", g->updates < 2 ? Json() : Json(std::sqrt(std::max(0.0, square) / (n - 1)))},
          {"mean_removed", mean(g->removed_sum, g->updates)},
          {"projected", g->projected}};
}

Json gate(const std::optional<GateFigures>& g) {
  if (!g) return {};
  return {{"probed", g->probed},
          {"scaled", g->scaled},
          {"mean_scale", mean(g->scale_sum, g->probed)},
          {"samples", g->samples}};
}

Json count(const std::optional<std::int64_t>& n) { return n ? Json(*n) : Json(); }

Json difference(const std::optional<DifferenceFigures>& d) {
  if (!d) return {};
  return {{"label", count(d->label)},
          {"drop", figure(d->drop)},
          {"next_drop", figure(d->next_drop)},
          {"labels", count(d->labels)},
          {"searched", count(d->searched)},
          {"found", count(d->found)},
          {"taken", figure(d->taken)},
          {"next_taken", figure(d->next_taken)},
          {"searches", d->searches},
          {"success", figure(d->success)},
          {"erased_success", figure(d->erased_success)},
          {"size", figure(d->size)},
          {"pruned", count(d->pruned)},
          {"slipped", d->slipped},
          {"passes", d->passes},
          {"samples", d->samples}};
}

Json features(const std::optional<FeatureFigures>& f) {
  if (!f) return {};
  return {{"directions", count(f->directions)},
          {"share", figure(f->share)},
          {"passes", f->passes},
          {"samples", f->samples}};
}

Json cost(const ErasureRecord& e) {
  return {{"client_passes", e.client_passes},
          {"server_passes", e.server_passes},
          {"stored_bytes", e.stored_bytes},
          {"calibrations", calibrations(e.calibrations)},
          {"guard", guard(e.guard)},
          {"gate", gate(e.gate)},
          {"difference", difference(e.difference)},
          {"features", features(e.features)}};
}

Json attacks(const std::vector<AttackRow>& rows) {
  Json j;
  for (const auto& r : rows) j[r.attack][r.figure] = figure(r.value);
  return j;
}

Json nodes(const std::vector<NodeRecord>& all) {
  auto j = Json::array();
  for (const auto& n : all)
    j.push_back({{"node", n.node},
                 {"host", text(n.host)},
                 {"lanes", n.lanes},
                 {"jobs", n.jobs},
                 {"losses", n.losses},
                 {"jobs_lost", n.jobs_lost},
                 {"last_loss", text(n.last_loss)}});
  return j;
}

Json context(const Summary& s, const Versions& versions, const base::HostInfo& host) {
  auto costs = Json::array();
  for (const auto& e : s.erasures) costs.push_back(cost(e));
  auto libraries = Json::object();
  for (const auto& [name, version] : versions) libraries[name] = version;
  return {{"versions", std::move(libraries)},
          {"host", text(host.name)},
          {"system", text(host.system)},
          {"cpu", text(host.cpu)},
          {"cores", size(host.cores)},
          {"memory_bytes", size(host.memory_bytes)},
          {"devices", s.devices},
          {"same_bytes", text(s.same_bytes)},
          {"revision", text(s.revision)},
          {"seed", s.seed},
          {"scenario", text(s.scenario)},
          {"test_set", set_labels(s.test_set)},
          {"retain_set", set_labels(s.retain_set)},
          {"started", text(s.started)},
          {"ended", text(s.ended)},
          {"resumed", s.resumed == 0 ? Json() : Json{{"times", s.resumed}, {"away_seconds", s.away_seconds}}},
          {"divergence", divergence(s.divergence)},
          {"warnings", s.warnings},
          {"unused", unused(s.unused)},
          {"shortened", shortened(s.shortened)},
          {"events", s.events},
          {"history_bytes", s.history_bytes},
          {"erasure_costs", std::move(costs)},
          {"attacks", attacks(s.attacks)}};
}

}  // namespace

Json to_json(const Summary& s, const Versions& versions, const base::HostInfo& host) {
  auto erasures = Json::array();
  for (const auto& e : s.erasures) erasures.push_back(erasure(e));
  auto about = context(s, versions, host);
  if (!s.sites.empty()) about["sites"] = s.sites;
  if (!s.nodes.empty()) about["nodes"] = nodes(s.nodes);
  return {{"schema", summary_schema},
          {"context", std::move(about)},
          {"method", text(s.method)},
          {"clock", text(s.clock)},
          {"final", figures(s.final)},
          {"before_erasure", figures(s.before_erasure)},
          {"erasures", std::move(erasures)},
          {"counters",
           {{"updates", s.updates},
            {"samples_trained", s.samples_trained},
            {"messages", s.messages},
            {"bytes_sent", s.bytes_sent}}},
          {"virtual_seconds", figure(s.virtual_seconds)},
          {"wall_seconds", figure(s.wall_seconds)},
          {"overrun_share", figure(s.overrun_share)},
          {"peak_rss_bytes", size(s.peak_rss_bytes)},
          {"model_sha256", text(s.model_sha256)}};
}

void write_summary(const RunFolder& folder, const Summary& s, const Versions& versions) {
  // Text that is no UTF-8 (a user's scenario name, say) must not cost the run its summary.
  base::write_whole(folder.path("summary.json"),
                    to_json(s, versions).dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

}  // namespace afu::record
