#include "methods/one_job.hpp"

#include <optional>

#include "methods/calibration.hpp"

namespace afu::methods {

Script erase_at_target(Request request, const Now& now,
                       std::function<Erase(const View&, const Request&)> erase) {
  const bool blocking = request.coordination == Coordination::blocking;
  if (blocking) co_yield Halt{};
  const auto* result = co_yield erase(now.view(), request);
  co_yield MergeErasure{first_output(result), std::nullopt};
  if (blocking) co_yield Resume{};
  co_yield Forgotten{};
}

}  // namespace afu::methods
