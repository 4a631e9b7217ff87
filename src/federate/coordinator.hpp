#pragma once
/// The server's protocol as a state machine that knows no actor: messages in, effects out. It decides who
/// trains on what, what is merged with which weight, and carries out the unlearning method's steps; vectors
/// are combined elsewhere.
#include <cstdint>
#include <memory>
#include <string>

#include "federate/effects.hpp"
#include "federate/messages.hpp"
#include "federate/setup.hpp"

namespace afu::federate {

struct Parts;

/// Times never fall from one call to the next. What a message brings about is appended to `fx`.
class Coordinator {
 public:
  explicit Coordinator(Setup setup);
  ~Coordinator();

  void start(double now, Effects& fx);
  void on(double now, const Update& m, Effects& fx);
  void on(double now, const Dropped& m, Effects& fx);
  void on(double now, const CollectResult& m, Effects& fx);
  void on(double now, const EraseRequest& m, Effects& fx);
  void on(double now, const EraseResult& m, Effects& fx);
  void on(double now, const CalibrateResult& m, Effects& fx);
  /// The result of what the last effects asked for as `merge`.
  void merged(double now, const job::JobResult& result, Effects& fx);

  Outcome outcome() const;
  /// Accepted in the current lineage.
  std::uint64_t updates() const;
  /// Whom a request waits for now, in words (waiting.hpp); empty: for nobody.
  std::string waited_for() const;
  /// The version now published, to be measured last.
  Evaluation evaluation(double now) const;

 private:
  template <class Message>
  void take_message(double now, const Message& m, Effects& fx);
  /// What is left to do once a message has been taken: the next merge, procedures that wait, work for idle
  /// clients.
  void settle(Effects& fx);

  std::unique_ptr<Parts> parts_;
};

}  // namespace afu::federate
