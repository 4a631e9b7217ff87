/// AFU-IC: the ledger's entry is subtracted while everybody else trains on, then the server calibrates on
/// held-out data (AFU-IC.md "Recommended algorithm"; METHODS 9).
#include <utility>

#include "unlearn/calibration.hpp"
#include "unlearn/registry.hpp"

namespace afu::unlearn {
namespace {

class AfuIc : public Procedure {
 public:
  explicit AfuIc(const Request& request) : request_(request) {}

  Step next(const View& view, const compute::JobResult* result) override {
    switch (stage_) {
      case Stage::erase: {
        if (!view.target ||
            view.target->contributions == 0) {  // it never took part: nothing of it is in the model
          stage_ = Stage::finished;
          return Forgotten{};
        }
        stage_ = Stage::merge;
        compute::CombineJob job;
        if (view.model)
          job.outputs.push_back({nullptr, 1.0, {{-gain(view), view.target->influence, nullptr}}, {}});
        return Erase{std::move(job), 0, false};
      }
      case Stage::merge:
        stage_ = Stage::calibrate;
        teacher_ = view.model;
        return MergeErasure{first_output(result), gain(view)};
      case Stage::calibrate: {
        const auto& c = view.scenario->calibration;
        if (c.steps == 0) return forget(view);
        stage_ = Stage::merge_calibration;
        return calibration(view, teacher_, c.steps);
      }
      case Stage::merge_calibration:
        stage_ = Stage::forgotten;
        return MergeCalibration{first_output(result)};
      case Stage::forgotten:
        return forget(view);
      case Stage::window_wait:
        if (view.updates >= window_end_ || view.scenario->calibration.window_steps == 0) return finish();
        stage_ = Stage::window_calibrate;
        return AwaitUpdates{static_cast<std::uint64_t>(view.scenario->calibration.window_every)};
      case Stage::window_calibrate:
        stage_ = Stage::window_merge;
        return calibration(view, teacher_, view.scenario->calibration.window_steps);
      case Stage::window_merge:
        stage_ = Stage::window_wait;
        return MergeCalibration{first_output(result)};
      case Stage::finished:
        break;
    }
    return Done{};
  }

 private:
  enum class Stage {
    erase,
    merge,
    calibrate,
    merge_calibration,
    forgotten,
    window_wait,
    window_calibrate,
    window_merge,
    finished
  };

  double gain(const View& view) const { return view.settings->real("gain"); }
  Step forget(const View& view) {
    stage_ = Stage::window_wait;
    window_end_ = view.updates + static_cast<std::uint64_t>(view.scenario->calibration.window_updates);
    return Forgotten{};
  }
  Step finish() {
    stage_ = Stage::finished;
    teacher_.reset();  // derived from erased data
    return Done{};
  }

  Request request_;
  Stage stage_ = Stage::erase;
  ParametersPtr teacher_;  ///< w_pre: the version just before the merge
  std::uint64_t window_end_ = 0;
};

}  // namespace

Method afu_ic_method() {
  Method m;
  m.name = "afu_ic";
  m.help =
      "Subtracts the ledger of the target's contributions concurrently, then calibrates on held-out data.";
  m.traits.needs.influence = true;
  m.options = {
      {"gain",
       1.0,
       "How much of the target's ledger is subtracted (c in AFU-IC.md).",
       "",
       0.0,
       2.0,
       false,
       {}},
  };
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<AfuIc>(r); };
  return m;
}

}  // namespace afu::unlearn
