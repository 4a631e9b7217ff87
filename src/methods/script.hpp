#pragma once
/// A procedure that reads from top to bottom, as its paper does: a coroutine that yields one step after the other.
///
///   Script forget(Request request, const Now& now) {
///     co_yield Halt{};
///     const auto* result = co_yield erasure(now.view(), request);
///     co_yield MergeErasure{first_output(result)};
///     co_yield Resume{};
///     co_yield Forgotten{};
///   }
///
/// What `co_yield` returns is what Procedure::next was given as `result`; `now` then shows the view of that call. A
/// part of a script that several share is a script of its own: `co_await part(...)`. Parameters are taken by value,
/// but `now`: the coroutine outlives the call that makes it.
///
/// g++ 12 destroys twice what an aggregate holds that is made in braces within a `co_yield` or `co_await`, and likewise
/// what a lambda has captured there. So steps that hold something have constructors; other such values are given a name
/// first.
#include <coroutine>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "methods/method.hpp"

namespace afu::methods {

/// The view of the call that goes on with the script.
class Now {
 public:
  const View& view() const { return *view_; }
  const View* operator->() const { return view_; }

 private:
  friend class Scripted;
  const View* view_ = nullptr;
};

class Script {
 public:
  struct promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  struct Yielded {
    promise_type& root;
    bool await_ready() const noexcept { return false; }
    void await_suspend(Handle) const noexcept {}
    const job::JobResult* await_resume() const noexcept { return root.result; }
  };
  /// The end of a part goes on with the script that awaits it.
  struct Ended {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(Handle ended) const noexcept {
      auto& promise = ended.promise();
      if (!promise.parent) return std::noop_coroutine();
      promise.root->leaf = promise.parent;
      return promise.parent;
    }
    void await_resume() const noexcept {}
  };
  struct promise_type {
    promise_type* root = this;
    Handle parent{};                            ///< that awaits this one
    Handle leaf = Handle::from_promise(*this);  ///< of the root: where it goes on
    const job::JobResult* result = nullptr;     ///< likewise, of the last step
    Step step;                                  ///< likewise, the last one yielded
    std::exception_ptr error{};

    Script get_return_object() { return Script(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    Ended final_suspend() const noexcept { return {}; }
    template <class S>
    Yielded yield_value(S next) {
      static_assert(!std::is_aggregate_v<S> || std::is_trivially_destructible_v<S>,
                    "a step that holds something has constructors (see above)");
      root->step = std::move(next);
      return {*root};
    }
    void return_void() const noexcept {}
    void unhandled_exception() { error = std::current_exception(); }
  };

  Script(Script&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  ~Script() {
    if (handle_) handle_.destroy();
  }

  /// As a part of another script.
  auto operator co_await() && noexcept {
    struct Part {
      Handle part;
      bool await_ready() const noexcept { return false; }
      Handle await_suspend(Handle parent) const noexcept {
        auto& promise = part.promise();
        promise.root = parent.promise().root;
        promise.parent = parent;
        promise.root->leaf = part;
        return part;
      }
      void await_resume() const {
        if (part.promise().error) std::rethrow_exception(part.promise().error);
      }
    };
    return Part{handle_};
  }

  /// The step that it yields next; Done once it has come to its end. Throws what it throws.
  Step next(const job::JobResult* result) {
    auto& root = handle_.promise();
    root.result = result;
    root.leaf.resume();
    if (root.error) std::rethrow_exception(std::exchange(root.error, nullptr));
    if (handle_.done()) return Done{};
    return std::move(root.step);
  }

 private:
  explicit Script(Handle handle) : handle_(handle) {}
  Handle handle_;
};

class Scripted final : public Procedure {
 public:
  Scripted(Script (*script)(Request, const Now&), const Request& request) : script_(script(request, now_)) {}
  Step next(const View& view, const job::JobResult* result) override {
    now_.view_ = &view;
    return script_.next(result);
  }

 private:
  Now now_;
  Script script_;
};

/// Method::start of a script.
template <Script (*script)(Request, const Now&)>
std::unique_ptr<Procedure> scripted(const Request& request) {
  return std::make_unique<Scripted>(script, request);
}

}  // namespace afu::methods
