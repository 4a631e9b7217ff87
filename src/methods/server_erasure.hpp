#pragma once
/// What methods do that erase by a computation at the server alone.
#include <optional>
#include <utility>

#include "methods/calibration.hpp"

namespace afu::methods {

/// One job at the unlearner, whose first output is merged as a difference. Concurrent: the federation goes
/// on. Blocking: it is halted and drained first, and resumed after the merge.
class EraseAtServer : public Procedure {
 public:
  explicit EraseAtServer(Request request) : request_(std::move(request)) {}
  Step next(const View& view, const job::JobResult* result) final;

 protected:
  /// The job from the current version; nothing: there is nothing to erase.
  virtual std::optional<Erase> erase(const View& view) = 0;
  const Request& request() const { return request_; }
  bool blocking() const { return request_.coordination == Coordination::blocking; }

 private:
  enum class Stage { start, erase, merge, resume, forgotten, finished };
  Request request_;
  Stage stage_ = Stage::start;
};

}  // namespace afu::methods
