#include "federate/calibrations.hpp"

#include <utility>

namespace afu::federate {
namespace {

std::optional<double> figure_of(const job::JobResult& result, const char* name) {
  const auto i = result.figures.find(name);
  return i == result.figures.end() ? std::nullopt : std::optional<double>(i->second);
}

}  // namespace

void Calibrations::begin(const Progress& at, std::int64_t client, std::int64_t steps, double passes) {
  record::CalibrationRecord r;
  r.client = client;
  r.epoch = at.epoch;
  r.base_version = at.version;
  r.began = at.now;
  r.updates_since = at.updates - counted_;
  r.steps = steps;
  r.passes = passes;
  if (current_) {
    current_->ended = at.now;
    private_.push_back(*current_);
  }
  counted_ = at.updates;
  current_ = r;
  calibrated_since_search_ = true;
  asked_ = Asked::calibration;
}

void Calibrations::search(double passes) {
  if (!difference_) difference_.emplace();
  difference_->passes += passes;
  ++difference_->searches;
  calibrated_since_search_ = false;
  asked_ = Asked::search;
}

void Calibrations::look_at_features(double passes) {
  features_.emplace().passes = passes;
  asked_ = Asked::features;
}

bool Calibrations::drop() {
  if (std::exchange(asked_, Asked::nothing) != Asked::calibration) return false;
  current_.reset();
  return dropped_ = true;
}

void Calibrations::answered(const job::JobResult& result) {
  switch (std::exchange(asked_, Asked::nothing)) {
    case Asked::calibration:
      return computed(result);
    case Asked::search:
      return found(result);
    case Asked::features:
      return directed(result);
    case Asked::nothing:
      return;
  }
}

void Calibrations::found(const job::JobResult& result) {
  auto& d = *difference_;
  const auto figure = [&](const char* name) { return figure_of(result, name); };
  const auto count = [&](const char* name) { return static_cast<std::int64_t>(result.figures.at(name)); };
  d.samples += result.samples;
  d.label = count("label"), d.labels = count("labels");
  d.searched = d.searched.value_or(0) + count("searched");
  d.found = count("found");
  d.taken = figure("taken"), d.next_taken = figure("next_taken");
  d.drop = figure("drop"), d.next_drop = figure("next_drop");
  d.success = figure("success"), d.erased_success = figure("erased_success"), d.size = figure("size");
  if (figure("pruned")) d.pruned = count("pruned");
}

void Calibrations::directed(const job::JobResult& result) {
  auto& f = *features_;
  f.samples = result.samples;
  f.directions = static_cast<std::int64_t>(result.figures.at("directions"));
  f.share = figure_of(result, "share");
}

bool Calibrations::searched_in_vain() const {
  return difference_ && difference_->found == 0 && !calibrated_since_search_;
}

void Calibrations::computed(const job::JobResult& result) {
  auto& r = *current_;
  const auto figure = [&](const char* name) { return figure_of(result, name); };
  r.samples = result.samples;
  r.loss_before = figure("loss_before"), r.loss_after = figure("loss_after");
  r.risk_before = figure("risk_before"), r.risk_after = figure("risk_after");
  r.kl_before = figure("kl_before"), r.kl_after = figure("kl_after");
  r.kd_before = figure("kd_before"), r.kd_after = figure("kd_after");
  r.penalty_before = figure("penalty_before"), r.penalty_after = figure("penalty_after");
  r.norm = figure("norm"), r.cosine = figure("cosine");
  r.penalty_reference = figure("penalty_reference");
  if (const auto slipped = figure("slipped"); slipped && difference_) {
    difference_->slipped += pruned_ && *slipped > 0;  // the first is the one that prunes
    pruned_ = true;
  }
}

std::vector<record::CalibrationRecord> Calibrations::merged(const Progress& at, double weight,
                                                            std::uint64_t& number,
                                                            record::CalibrationTotals& totals) {
  if (!current_) return {};
  current_->ended = at.now;
  private_.push_back(*std::exchange(current_, std::nullopt));
  for (auto& r : private_) {
    r.number = ++number;
    r.merged_version = at.version;
    r.staleness = at.version - 1 - r.base_version;
    r.weight = weight;
    ++totals.count;
    totals.staleness_sum += r.staleness;
    totals.steps += r.steps;
    totals.samples += r.samples;
    totals.passes += r.passes;
    totals.seconds += r.ended - r.began;
  }
  return std::exchange(private_, {});
}

}  // namespace afu::federate
