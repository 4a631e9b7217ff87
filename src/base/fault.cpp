#include "base/fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string_view>

#include "base/input_error.hpp"

namespace afu::base::fault {
namespace {

/// Where a fault is to happen; 0: nowhere.
struct Place {
  std::atomic<std::uint64_t> at{0};
  std::atomic<bool> from_there_on{false};

  void set(std::uint64_t number, bool on) { at = number, from_there_on = on; }
  bool is_at(std::uint64_t count) const { return at > 0 && (from_there_on ? count >= at : count == at); }
};

std::atomic<bool> armed{false};
std::atomic<std::uint64_t> write_count{0}, job_count{0}, message_count{0};
Place write_fails, write_kills, job_fails, actor_ends;
std::atomic<std::size_t> ending_kind{0};  ///< in actor_kinds, where actor_ends is anywhere

void disarm() {
  armed = false;
  for (auto* place : {&write_fails, &write_kills, &job_fails, &actor_ends}) place->set(0, false);
  write_count = job_count = message_count = 0;
}

[[noreturn]] void refuse(std::string_view fault) {
  throw InputError(fmt::format(
      "AFU_FAULT holds '{}', allowed: write=N, kill=N, memory=N, actor=KIND:N, with a whole number from 1 on, or N+ for it "
      "and all later ones; several are joined by commas; kinds of actors are {}",
      fault, fmt::join(actor_kinds, ", ")));
}

void arm_one(std::string_view fault) {
  const auto equals = fault.find('=');
  if (equals == fault.npos) refuse(fault);
  const auto kind = fault.substr(0, equals);
  auto digits = fault.substr(equals + 1);
  std::size_t actor = actor_kinds.size();
  if (kind == "actor") {
    const auto colon = digits.find(':');
    if (colon == digits.npos) refuse(fault);
    const auto* named = std::find(actor_kinds.begin(), actor_kinds.end(), digits.substr(0, colon));
    if (named == actor_kinds.end()) refuse(fault);
    actor = static_cast<std::size_t>(named - actor_kinds.begin());
    digits.remove_prefix(colon + 1);
  }
  const bool on = !digits.empty() && digits.back() == '+';
  if (on) digits.remove_suffix(1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number == 0) refuse(fault);
  if (kind == "write")
    write_fails.set(number, on);
  else if (kind == "kill")
    write_kills.set(number, false);
  else if (kind == "memory")
    job_fails.set(number, on);
  else if (kind == "actor")
    ending_kind = actor, actor_ends.set(number, on);
  else
    refuse(fault);
}

void arm(const std::string& what) {
  disarm();
  std::string_view rest = what;
  for (;;) {
    const auto end = rest.find(',');
    arm_one(rest.substr(0, end));
    if (end == rest.npos) break;
    rest = rest.substr(end + 1);
  }
  armed = true;
}

}  // namespace

std::string arm_by_environment() {
  const char* what = std::getenv("AFU_FAULT");
  if (!what || !*what) return "";
  arm(what);
  return what;
}

Armed::Armed(const std::string& what) { arm(what); }
Armed::~Armed() { disarm(); }

std::uint64_t writes() { return write_count; }
std::uint64_t jobs() { return job_count; }
std::uint64_t messages() { return message_count; }

int at_write(const std::function<void()>& partly) {
  if (!armed.load(std::memory_order_relaxed)) return 0;
  const auto count = ++write_count;
  const bool kills = write_kills.is_at(count);
  if (!kills && !write_fails.is_at(count)) return 0;
  if (partly) partly();
  if (kills) ::raise(SIGKILL);
  return ENOSPC;
}

void at_job() {
  if (!armed.load(std::memory_order_relaxed)) return;
  if (job_fails.is_at(++job_count)) throw std::bad_alloc();
}

void at_message(std::string_view kind) {
  if (!armed.load(std::memory_order_relaxed)) return;
  if (actor_ends.at == 0 || kind != actor_kinds[ending_kind]) return;
  if (const auto count = ++message_count; actor_ends.is_at(count))
    throw std::runtime_error(fmt::format("AFU_FAULT: message {} of a {}", count, kind));
}

}  // namespace afu::base::fault
