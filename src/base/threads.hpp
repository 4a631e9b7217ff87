#pragma once
/// Starting threads where the system may refuse to: limits of processes (ulimit -u), of control groups
/// (pids.max) and of the address space (ulimit -v).
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace afu::base {

/// No thread can be started; what() says why, and what limits there are.
struct ThreadError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The limits that a refused thread may be due to, as a sentence's end; empty where there is none.
std::string thread_limits(const std::filesystem::path& root = "/");

/// What to throw for `error`, which std::thread threw.
ThreadError thread_error(const std::system_error& error);

/// Throws ThreadError unless `count` threads can run at once now. They have ended when it returns: to be
/// called before what could not recover from a thread that cannot be started.
void require_threads(int count);

/// Threads that are joined at the end of their scope, at the latest.
class JoinedThreads {
 public:
  JoinedThreads() = default;
  JoinedThreads(JoinedThreads&&) = delete;
  ~JoinedThreads() { join(); }

  /// Throws ThreadError; those started before go on.
  template <class Body>
  void start(Body body) {
    threads_.reserve(threads_.size() + 1);
    try {
      threads_.emplace_back(std::move(body));
    } catch (const std::system_error& e) {
      throw thread_error(e);
    }
  }
  void join() {
    for (auto& t : threads_) t.join();
    threads_.clear();
  }

 private:
  std::vector<std::thread> threads_;
};

}  // namespace afu::base
