#include "cli/interrupts.hpp"

#include <csignal>
#include <initializer_list>

namespace afu::cli {
namespace {

std::atomic<bool> is_asked{false}, is_hurried{false};
std::atomic<int> first{0}, count{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "signal handlers may touch nothing else");

void on_signal(int number) {
  const int before = count.fetch_add(1);
  if (before == 0) {
    first = number;
    is_asked = true;
  } else {
    is_hurried = true;
  }
  if (before >= 2 && number == SIGINT) {
    std::signal(number, SIG_DFL);
    std::raise(number);  // delivered when the handler returns
  }
}

}  // namespace

void Interrupts::take() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGXCPU}) {
    struct sigaction action {};
    if (number == SIGHUP && ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
      continue;
    action = {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    ::sigaction(number, &action, nullptr);
  }
}

const std::atomic<bool>& Interrupts::asked() { return is_asked; }
const std::atomic<bool>& Interrupts::hurried() { return is_hurried; }
int Interrupts::status() { return 128 + first.load(); }

}  // namespace afu::cli
