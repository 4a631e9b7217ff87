#pragma once
/// What all actors' behaviours have in common: who ends in an exception says why, to whoever watches it.
#include <caf/all.hpp>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "base/fault.hpp"

namespace afu::actors {

namespace detail {

template <class F, class... Ts>
auto handler(const char* kind, F f, void (F::*)(Ts...) const) {
  return [kind, f = std::move(f)](Ts... xs) {
    base::fault::at_message(kind);
    f(std::forward<Ts>(xs)...);
  };
}

}  // namespace detail

/// The reason with which an actor ends in that exception.
inline caf::error reason_of(const std::exception_ptr& exception) {
  std::string text = "unknown exception";
  try {
    std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    text = "the host's memory ran out";
  } catch (const std::exception& e) {
    text = e.what();
  } catch (...) {
    // It has no text.
  }
  return caf::make_error(caf::sec::runtime_error, std::move(text));
}

/// The text of such a reason; of another one its name.
inline std::string text_of(const caf::actor_system& sys, const caf::error& reason) {
  if (reason == caf::sec::runtime_error && reason.context().match_elements<std::string>())
    return reason.context().get_as<std::string>(0);
  return sys.render(reason);
}

/// A behaviour of these handlers, in one of which AFU_FAULT may end an actor of that kind (base/fault.hpp).
template <class Handle, class Self, class... Handlers>
typename Handle::behavior_type behaviour_of(Self self, const char* kind, Handlers... handlers) {
  self->set_exception_handler([](std::exception_ptr& e) { return reason_of(e); });
  return {detail::handler(kind, std::move(handlers), &Handlers::operator())...};
}

}  // namespace afu::actors
