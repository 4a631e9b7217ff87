#pragma once
/// What the timeline logs, on its way to the recorder: in batches, each a second old at most.
#include <caf/all.hpp>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "actors/protocol.hpp"

namespace afu::actors {

class Journal {
 public:
  Journal() = default;  ///< of a run that keeps none
  explicit Journal(recorder_actor recorder)
      : recorder_(std::move(recorder)), entries_(std::make_shared<std::vector<LogEntry>>()) {}

  /// May send `self` a flush a second later; it then calls `flush_is_due`.
  template <class Self>
  void note(Self self, LogEntry entry) {
    if (!entries_) return;
    entries_->push_back(std::move(entry));
    if (entries_->size() >= batch) return flush(self);
    if (!std::exchange(flush_due_, true)) self->delayed_send(self, age, atom::flush_v);
  }
  template <class Self>
  void flush_is_due(Self self) {
    flush_due_ = false;
    flush(self);
  }
  template <class Self>
  void flush(Self self) {
    if (!entries_ || entries_->empty()) return;
    self->send(recorder_, LogBatch{std::move(entries_)});
    entries_ = std::make_shared<std::vector<LogEntry>>();
    entries_->reserve(batch);
  }

 private:
  static constexpr std::size_t batch = 1024;
  static constexpr auto age = std::chrono::seconds(1);

  recorder_actor recorder_;
  std::shared_ptr<std::vector<LogEntry>> entries_;  ///< null: nothing is logged
  bool flush_due_ = false;
};

}  // namespace afu::actors
