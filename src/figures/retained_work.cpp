#include "figures/retained_work.hpp"

#include <algorithm>
#include <map>

namespace afu::figures {

std::vector<TimeSpan> united(std::vector<TimeSpan> intervals, double end) {
  std::sort(intervals.begin(), intervals.end(),
            [](const auto& a, const auto& b) { return a.begin < b.begin; });
  std::vector<TimeSpan> out;
  for (auto i : intervals) {
    i.end = std::min(i.end, end);
    if (!(i.begin < i.end)) continue;
    if (!out.empty() && i.begin <= out.back().end)
      out.back().end = std::max(out.back().end, i.end);
    else
      out.push_back(i);
  }
  return out;
}

namespace {

/// Updates up to `at`; all of them one after the other, those at one moment at once.
double grown(const std::vector<double>& arrivals, double at) {
  const auto next = std::upper_bound(arrivals.begin(), arrivals.end(), at);
  const auto done = static_cast<double>(next - arrivals.begin());
  if (next == arrivals.end()) return done;
  const double from = next == arrivals.begin() ? 0.0 : *(next - 1);
  return done + (at > from ? (at - from) / (*next - from) : 0.0);
}

}  // namespace

RetainedWork::RetainedWork(const std::vector<AcceptedUpdate>& accepted, const std::vector<TimeSpan>& halted,
                           double run_end) {
  std::vector<double> times;
  times.reserve(accepted.size());
  for (const auto& a : accepted) times.push_back(a.time);
  std::sort(times.begin(), times.end());
  if (times.empty()) return;
  first_ = times.front();
  last_ = times.back();
  for (auto i : united(halted, run_end)) {
    const auto behind = std::upper_bound(times.begin(), times.end(), i.end);
    if (behind != times.begin()) i.begin = std::max(i.begin, *(behind - 1));
    if (i.begin < i.end) idle_.push_back(i);
  }
  std::map<std::uint32_t, Arrivals> by_client;
  for (const auto& a : accepted) by_client[a.client].push_back(running(a.time));
  const double end = running(run_end);
  for (auto& [client, arrivals] : by_client) {
    std::sort(arrivals.begin(), arrivals.end());
    const double mean = arrivals.back() / static_cast<double>(arrivals.size());
    arrivals.push_back(std::max(arrivals.back() + mean, end));
    clients_.push_back(std::move(arrivals));
  }
}

double RetainedWork::running(double time) const {
  // Summed up to each interval, not taken off: within one it is the same to the last bit, and never falls.
  double out = 0, from = 0;
  for (const auto& i : idle_) {
    if (i.begin >= time) break;
    out += i.begin - from;
    if (time <= i.end) return out;
    from = i.end;
  }
  return out + (time - from);
}

double RetainedWork::in(double begin, double end) const {
  if (!(begin < end)) return 0;
  const double from = running(begin), to = running(end);
  double sum = 0;
  for (const auto& arrivals : clients_) sum += grown(arrivals, to) - grown(arrivals, from);
  return sum;
}

}  // namespace afu::figures
