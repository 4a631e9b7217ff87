#include "methods/one_job.hpp"

#include <utility>

#include "methods/shared.hpp"

namespace afu::methods {

Script erase_at_server(Request request, const Now& now,
                       std::function<std::optional<Erase>(const View&, const Request&)> erase) {
  const bool blocking = request.coordination == Coordination::blocking;
  if (blocking) co_yield Halt{};
  if (auto work = erase(now.view(), request)) {
    const auto* result = co_yield std::move(*work);
    co_yield MergeErasure{first_output(result), std::nullopt};
  }
  if (blocking) co_yield Resume{};
  co_yield Forgotten{};
}

Script erase_at_target(Request request, const Now& now,
                       std::function<Erase(const View&, const Request&)> erase) {
  return erase_at_server(std::move(request), now, std::move(erase));
}

}  // namespace afu::methods
