#pragma once
/// What a run's user should know, said while it goes on, by any thread.
#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace afu::compute {

class Notes {
 public:
  /// The same words are kept once.
  void add(std::string note) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::find(notes_.begin(), notes_.end(), note) == notes_.end()) notes_.push_back(std::move(note));
  }
  std::vector<std::string> all() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return notes_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> notes_;
};

}  // namespace afu::compute
