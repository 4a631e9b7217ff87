#include "lane/job_cache.hpp"

#include <utility>

namespace afu::lane {
namespace {

std::uint64_t bytes_of(const job::JobResult& r) {
  std::uint64_t bytes = sizeof r + r.numbers.size() * sizeof(double) + r.figures.size() * 64;
  for (const auto& v : r.outputs) bytes += static_cast<std::uint64_t>(model::byte_size(v));
  return bytes;
}

}  // namespace

JobCache::Result JobCache::get(const std::string& key, const std::function<job::JobResult()>& compute) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      const auto [entry, fresh] = results_.try_emplace(key);
      if (fresh) break;  // claimed: it is computed below
      if (entry->second) {
        ++counts_.found;
        return entry->second;
      }
      changed_.wait(lock);
    }
  }
  Result result;
  try {
    result = std::make_shared<const job::JobResult>(compute());
  } catch (...) {
    std::lock_guard<std::mutex> lock(mutex_);
    results_.erase(key);
    changed_.notify_all();
    throw;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  ++counts_.computed;
  const auto bytes = bytes_of(*result);
  if (result->error.empty() && counts_.bytes + bytes <= budget_) {
    results_[key] = result;
    counts_.bytes += bytes;
  } else {
    results_.erase(key);
  }
  changed_.notify_all();
  return result;
}

JobCache::Counts JobCache::counts() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return counts_;
}

}  // namespace afu::lane
