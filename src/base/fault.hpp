#pragma once
/// Faults on purpose, for tests of what must hold when the machine fails. None happens unless the environment variable
/// AFU_FAULT names one, or a test arms one. It holds KIND=N or KIND=N+, several joined by commas:
///
///   write=N    the N-th step of writing a file fails as on a full disk; N+: it and all later ones
///   kill=N     the process is killed (SIGKILL) in the N-th step of writing a file
///   memory=N   memory runs out in the N-th job that a lane computes; N+: in it and all later ones
///   actor=KIND:N   the actor that takes the N-th message of all actors of that kind ends in an exception; N+: whoever takes
///                  it or a later one does
///
/// A step opens a file for writing, writes a block, puts it on the disk, or gives it its name. Steps, jobs and messages are
/// counted from 1, in the order in which the process comes to them, whatever thread does.
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace afu::base::fault {

inline constexpr std::array<std::string_view, 10> actor_kinds{
    "federation", "timeline",  "server",     "client", "unlearner",
    "calibrator", "evaluator", "dispatcher", "lane",   "recorder"};

/// AFU_FAULT of this process, armed. What is armed; empty: nothing. Throws InputError for what it does not know.
std::string arm_by_environment();

/// `what` is as AFU_FAULT's value. Throws InputError. Counts begin anew.
class Armed {
 public:
  explicit Armed(const std::string& what);
  ~Armed();
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;
};

/// How many were come to since something was armed; messages: of actors of the armed kind.
std::uint64_t writes();
std::uint64_t jobs();
std::uint64_t messages();

/// Of a step of writing: ENOSPC where it is to fail, else 0. `partly` does what the system would have done of it
/// before it failed.
int at_write(const std::function<void()>& partly = nullptr);
/// Of a job of a lane. Throws std::bad_alloc where it is to fail.
void at_job();
/// Of a message that an actor of that kind takes. Throws std::runtime_error where it is to end.
void at_message(std::string_view kind);

}  // namespace afu::base::fault
