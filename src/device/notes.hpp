#pragma once
/// What a run's user should know, said while it goes on, by any thread.
#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace afu::device {

/// A note says how something was computed: engines, lanes, memory. A warning says that a figure may not mean
/// what the user thinks: data left out, work lost, options without effect. Only notes can be turned off (-q).
class Notes {
 public:
  /// The same words are kept once.
  void add(std::string note) { keep(notes_, std::move(note)); }
  void warn(std::string warning) { keep(warnings_, std::move(warning)); }
  std::vector<std::string> all() const { return copy(notes_); }
  std::vector<std::string> warnings() const { return copy(warnings_); }

 private:
  using List = std::vector<std::string>;
  void keep(List& list, std::string words) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::find(list.begin(), list.end(), words) == list.end()) list.push_back(std::move(words));
  }
  List copy(const List& list) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return list;
  }

  mutable std::mutex mutex_;
  List notes_, warnings_;
};

}  // namespace afu::device
