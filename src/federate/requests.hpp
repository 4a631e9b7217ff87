#pragma once
/// The scenario's erasures, one request each: which are due, which cover what others erase, whose turn it is.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "federate/messages.hpp"
#include "federate/served_request.hpp"
#include "federate/setup.hpp"
#include "methods/method.hpp"

namespace afu::federate {

class Requests {
 public:
  /// Both must outlive this.
  Requests(const Setup& setup, const methods::Method& method);

  std::vector<ServedRequest>::iterator begin() { return all_.begin(); }
  std::vector<ServedRequest>::iterator end() { return all_.end(); }
  std::vector<ServedRequest>::const_iterator begin() const { return all_.begin(); }
  std::vector<ServedRequest>::const_iterator end() const { return all_.end(); }
  std::size_t size() const { return all_.size(); }
  ServedRequest& operator[](std::size_t i) { return all_[i]; }
  const ServedRequest& operator[](std::size_t i) const { return all_[i]; }

  /// Those with a time: posted at the start.
  std::vector<Post> scheduled();
  /// Those whose number of accepted updates or of rounds is reached: posted now, ahead of all else.
  std::vector<Post> due(std::uint64_t updates, std::uint64_t rounds);
  /// The first one of the client that is still ahead; null: none is.
  const methods::Request* ahead(std::uint32_t client) const;

  /// The requests that erase, or have erased, all that `r` covers; none: something is left for it.
  std::vector<std::size_t> taken_before(const ServedRequest& r) const;
  /// Leaves out of `r` what earlier requests have erased of the rows at its target.
  void leave_out_erased(ServedRequest& r) const;
  /// Whether another one comes first: both would begin training again, halt all others, or assign a model, and that one is
  /// not done; or both take the same clients' contributions out of the model by the ledger, and that one has not yet.
  bool must_wait(const ServedRequest& r) const;
  /// Those in the queue that need not wait any more are ready now.
  void call_next();
  /// The others that are not done of those that one erasure of the scenario became (data::name_requests).
  std::vector<std::size_t> asked_with(const ServedRequest& r) const;

  /// Of what is published: "training", "erasing", "forgotten".
  std::string phase() const;
  /// Whether training is being made again, which is always seen to its end.
  bool retraining() const;

 private:
  bool exclusive(const ServedRequest& r) const;
  bool waits_for(const ServedRequest& r, const ServedRequest& other) const;

  const Setup& setup_;
  const methods::Method& method_;
  bool takes_from_ledger_ = false;
  std::vector<ServedRequest> all_;
};

}  // namespace afu::federate
