#pragma once
/// What a lane can be asked to compute, as plain values (never closures): so a lane may batch several into
/// one, find a result in a cache, and a log, a checkpoint or another node can hold them. No torch in this
/// header.
///
/// A kind of job is a struct with a name, a listing of its fields and one function that runs it, all three found
/// beside it:
///
///   struct FedquitJob {
///     static constexpr const char* name = "fedquit";
///     ...
///   };
///   AFU_FIELDS(FedquitJob, ...)
///   job::JobResult run(engine::Workspace& workspace, const FedquitJob& job);
///
/// `run` may throw; the outputs may still be on their way on the lane's stream.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "job/fields.hpp"

namespace afu::engine {
class Workspace;
}

namespace afu::job {

/// What a job returns. `error` is not empty when it failed; nothing else then holds.
struct JobResult {
  std::vector<model::ParametersPtr> outputs;
  /// "loss", "test_accuracy", ...; a figure that does not apply is absent.
  std::map<std::string, double> figures;
  std::vector<double> numbers{};  ///< what the job documents
  std::int64_t samples = 0;       ///< sample-gradients or forward passes computed
  double seconds = 0;             ///< real time on the lane
  std::string error;
  bool out_of_memory = false;  ///< that was the error: tried again with more to spare, it may succeed
  /// The first of `outputs` that holds a value which is not finite, or how many there are where one of
  /// `numbers` is not; absent: all are finite. Where it is there, nothing of it may go into a model.
  std::optional<std::size_t> not_finite{};
  bool looked_at = false;  ///< who ran it has set not_finite; else engine::execute does
};

namespace detail {
/// No member, so that the `run` beside T is found.
template <class T>
JobResult run_job(engine::Workspace& workspace, const T& value) {
  return run(workspace, value);
}
}  // namespace detail

/// A job of any kind: immutable, shared, cheap to copy.
class Job {
 public:
  Job() = default;  ///< none
  template <class T, class = std::enable_if_t<!std::is_same_v<std::decay_t<T>, Job>>>
  Job(T&& work) : work_(std::make_shared<const Of<std::decay_t<T>>>(std::forward<T>(work))) {}

  explicit operator bool() const { return work_ != nullptr; }
  const char* name() const { return work_->name(); }
  /// The job as what it is; null where it is of another kind.
  template <class T>
  const T* as() const {
    const auto* of = dynamic_cast<const Of<T>*>(work_.get());
    return of ? &of->value : nullptr;
  }
  void put(Sink& to) const { work_->put(to); }
  JobResult run(engine::Workspace& workspace) const { return work_->run(workspace); }

 private:
  struct Work {
    virtual ~Work() = default;
    virtual const char* name() const = 0;
    virtual void put(Sink& to) const = 0;
    virtual JobResult run(engine::Workspace& workspace) const = 0;
  };
  template <class T>
  struct Of final : Work {
    explicit Of(T v) : value(std::move(v)) {}
    const char* name() const override { return T::name; }
    void put(Sink& to) const override { job::put(to, value); }
    JobResult run(engine::Workspace& workspace) const override { return detail::run_job(workspace, value); }
    T value;
  };

  std::shared_ptr<const Work> work_;
};

/// How bytes become a job again.
struct JobType {
  const char* name;
  Job (*take)(Source&);
};
template <class T>
JobType type_of() {
  return {T::name, [](Source& from) {
            T value;
            take(from, value);
            return Job(std::move(value));
          }};
}

}  // namespace afu::job
