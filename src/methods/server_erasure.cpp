#include "methods/server_erasure.hpp"

namespace afu::methods {

Step EraseAtServer::next(const View& view, const job::JobResult* result) {
  switch (stage_) {
    case Stage::start:
      stage_ = Stage::erase;
      if (blocking()) return Halt{};
      [[fallthrough]];
    case Stage::erase:
      if (auto job = erase(view)) {
        stage_ = Stage::merge;
        return std::move(*job);
      }
      stage_ = blocking() ? Stage::resume : Stage::forgotten;
      return next(view, nullptr);
    case Stage::merge:
      stage_ = blocking() ? Stage::resume : Stage::forgotten;
      return MergeErasure{first_output(result), std::nullopt, false};
    case Stage::resume:
      stage_ = Stage::forgotten;
      return Resume{};
    case Stage::forgotten:
      stage_ = Stage::finished;
      return Forgotten{};
    case Stage::finished:
      break;
  }
  return Done{};
}

}  // namespace afu::methods
