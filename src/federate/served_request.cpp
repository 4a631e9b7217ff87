#include "federate/served_request.hpp"

#include <algorithm>

namespace afu::federate {

void ServedRequest::erased(double now) {
  if (!record.merged_at) record.merged_at = now;
}

void ServedRequest::forgotten(double now) {
  erased(now);
  record.forgotten_at = now;
}

void ServedRequest::begin_interval(double now) {
  if (!interval_began) interval_began = now;
}

void ServedRequest::end_interval(double now) {
  if (interval_began) halted.push_back({*interval_began, now});
  interval_began.reset();
}

std::vector<std::pair<std::uint32_t, ResultPtr>> ServedRequest::begin_step() {
  std::vector<std::pair<std::uint32_t, ResultPtr>> answers;
  if (auto* collecting = std::get_if<stage::Collecting>(&stage)) answers = std::move(collecting->answers);
  std::sort(answers.begin(), answers.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
  stage = stage::Stepping{};
  return answers;
}

const CollectTask* ServedRequest::collecting(const CollectResult& m) const {
  const auto* at = std::get_if<stage::Collecting>(&stage);
  if (!at) return nullptr;
  const auto i = at->out.find(m.client);
  return i == at->out.end() || i->second.job != m.job ? nullptr : &i->second;
}

bool ServedRequest::collect(const CollectResult& m) {
  auto& at = std::get<stage::Collecting>(stage);
  at.out.erase(m.client);
  at.answers.emplace_back(m.client, m.result);
  return at.out.empty();
}

}  // namespace afu::federate
