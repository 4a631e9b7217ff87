#include "attack/campaign.hpp"

#include "attack/jobs.hpp"
#include "config/attack_names.hpp"

namespace afu::attack {

Campaign::Campaign(PlanPtr plan) : plan_(std::move(plan)) {
  references_.resize(plan_->reference_rows.size());
  references_missing_ = references_.size();
}

Campaign::Orders Campaign::begin() {
  Orders orders;
  for (std::size_t i = 0; i < references_.size(); ++i) {
    orders.push_back({++numbers_, "reference model", reference_job(*plan_, i)});
    training_[numbers_] = i;
    ++open_;
  }
  return orders;
}

void Campaign::mark(const std::string& name, const record::MetricsRow& row,
                    const model::ParametersPtr& model) {
  if (plan_->keep_models) models_.emplace_back(name, model);
  if (plan_->names.empty()) return;
  points_.push_back({name, row});
  waiting_.emplace_back(points_.size() - 1, model);
}

Campaign::Orders Campaign::see(const record::MetricsRow& row, const model::ParametersPtr& model,
                               bool before) {
  restarted_ = restarted_ || (has_before_ && row.updates < found_updates_);
  const bool erased = row.phase == "forgotten" || (row.epoch > found_epoch_ && !restarted_);
  if (before && !has_before_) {
    has_before_ = true;
    found_epoch_ = row.epoch;
    found_updates_ = row.updates;
    for (const auto& k : known)
      if (k.relearns >= 0 && plan_->asks(k.name)) before_ = model;
    mark("before", row, model);
  } else if (erased && has_before_ && !has_merged_) {
    has_merged_ = true;
    merged_at_ = row.updates;
    mark("merged", row, model);
  } else if (has_merged_ && !has_later_ && row.updates >= merged_at_ + record::updates_until_later) {
    has_later_ = true;
    mark("plus16", row, model);
  }
  latest_ = model;
  latest_row_ = row;
  return ready();
}

Campaign::Orders Campaign::end() {
  if (latest_) mark("final", latest_row_, latest_);
  return ready();
}

Campaign::Orders Campaign::ready() {
  Orders orders;
  for (; references_missing_ == 0 && !waiting_.empty(); waiting_.pop_front()) {
    const auto& [point, model] = waiting_.front();
    const auto& name = points_[point].name;
    orders.push_back({++numbers_, "attack " + name,
                      attack_job(*plan_, model, references_, name == "final" ? before_ : nullptr)});
    attacks_[numbers_] = point;
    ++open_;
  }
  return orders;
}

Campaign::Orders Campaign::take(std::uint64_t number, const job::JobResult& result) {
  if (auto i = training_.find(number); i != training_.end()) {
    references_[i->second] = result.numbers;
    training_.erase(i);
    --references_missing_, --open_;
  } else if (auto a = attacks_.find(number); a != attacks_.end()) {
    auto& point = points_[a->second];
    point.figures = result.figures;
    point.done = true;
    attacks_.erase(a);
    --open_;
  }
  return ready();
}

std::vector<record::AttackRow> Campaign::rows() {
  std::vector<record::AttackRow> rows;
  for (; told_ < points_.size() && points_[told_].done; ++told_) {
    const auto& point = points_[told_];
    for (const auto& [name, value] : point.figures) {
      const auto dot = name.find('.');
      rows.push_back({point.name, point.row.version, point.row.updates, point.row.time, name.substr(0, dot),
                      name.substr(dot + 1), value});
    }
  }
  return rows;
}

}  // namespace afu::attack
