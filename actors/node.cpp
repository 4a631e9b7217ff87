#include "actors/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <chrono>
#include <future>
#include <set>
#include <thread>
#include <utility>

#include "actors/behaviour.hpp"
#include "actors/network.hpp"
#include "actors/node_session.hpp"
#include "actors/pipe.hpp"
#include "base/input_error.hpp"
#include "base/threads.hpp"
#include "wire/connect.hpp"
#include "wire/handshake.hpp"

namespace afu::actors {
namespace {

using namespace std::chrono_literals;

/// Lines about connections that came to nothing: so many a minute that a flood of them does not fill a disk.
class Refusals {
 public:
  /// The lines to be told now.
  std::vector<std::string> take(const std::string& why, std::chrono::steady_clock::time_point now) {
    std::vector<std::string> lines;
    if (now - began_ >= 1min) {
      if (count_ > most) lines.push_back(fmt::format("{} more connections were refused", count_ - most));
      began_ = now, count_ = 0;
    }
    if (++count_ <= most) lines.push_back("a connection was refused: " + why);
    return lines;
  }

 private:
  static constexpr std::uint64_t most = 20;
  std::chrono::steady_clock::time_point began_{};
  std::uint64_t count_ = 0;
};

struct ListenerState {
  static inline const char* name = "listener";
  HostingPtr hosting;
  Refusals refusals;
  std::set<caf::actor_addr> strangers;  ///< pipes whose peer has not proved the token
  caf::actor session;
  caf::actor_addr worked_for;  ///< the session's pipe
};
using Listener = caf::io::stateful_broker<ListenerState>;

/// Connections at a time whose peer has not proved the token.
constexpr std::size_t most_strangers = 64;

void refused(Listener* self, const std::string& why) {
  auto& st = self->state;
  for (const auto& line : st.refusals.take(why, std::chrono::steady_clock::now()))
    st.hosting->service.tell(line);
}

void opened(Listener* self, const caf::actor& pipe) {
  auto& st = self->state;
  st.strangers.erase(pipe.address());
  if (st.session) {
    self->send(pipe, Refused{works_for_another});
    return refused(self, works_for_another);
  }
  st.hosting->service.tell("a run has come");
  st.session = spawn_session(self->system(), st.hosting, pipe);
  st.worked_for = pipe.address();
  self->monitor(st.session);
}

/// Of all connections.
void beat(Listener* self) {
  auto& st = self->state;
  const auto wake = [](const caf::actor_addr& address) {
    if (const auto pipe = caf::actor_cast<caf::actor>(address)) caf::anon_send(pipe, beat_atom::value);
  };
  for (const auto& stranger : st.strangers) wake(stranger);
  wake(st.worked_for);
}

caf::behavior listener(Listener* self, HostingPtr hosting,
                       std::shared_ptr<std::promise<std::uint16_t>> listening) {
  auto& st = self->state;
  st.hosting = std::move(hosting);
  const auto& service = st.hosting->service;
  const auto door = self->add_tcp_doorman(service.listen.port, service.listen.host.c_str(), true);
  if (!door) {
    auto why = wire::why_not_listening(service.listen);
    if (why.empty()) why = self->system().render(door.error());
    listening->set_exception(std::make_exception_ptr(
        InputError(fmt::format("cannot listen at {}: {}", base::to_text(service.listen), why))));
    self->quit();
    return {};
  }
  listening->set_value(door->second);
  self->set_down_handler([=](const caf::down_msg& m) {
    auto& st = self->state;
    const auto why = text_of(self->system(), m.reason);
    if (st.session && m.source == st.session.address()) {
      st.session = nullptr;
      return st.hosting->service.tell("the run is gone: " + why);
    }
    if (st.strangers.erase(m.source) > 0) refused(self, why);
  });
  self->set_exit_handler([=](const caf::exit_msg& m) {
    auto& st = self->state;
    if (st.session) self->send_exit(std::exchange(st.session, nullptr), m.reason);
    for (const auto& pipe : st.strangers) self->send_exit(pipe, m.reason);
    self->quit(m.reason);
  });
  return {
      [=](const caf::io::new_connection_msg& m) {
        auto& st = self->state;
        if (st.strangers.size() >= most_strangers) {
          wire::append(self->wr_buf(m.handle), wire::refusal("too many connections wait to prove the token"));
          self->flush(m.handle);
          self->close(m.handle);
          return refused(self, "too many wait to prove the token");
        }
        const auto pipe = fork_pipe(self, m.handle, st.hosting->service.token, st.hosting->service.pulse);
        self->monitor(pipe);
        st.strangers.insert(pipe.address());
      },
      [=](const Opened& m) { opened(self, m.pipe); },
      [=](beat_atom) { beat(self); },
      [](const caf::io::connection_closed_msg&) {},  // of one that was too many
      [](const caf::io::acceptor_closed_msg&) {},
  };
}

}  // namespace

void serve(const NodeService& service) {
  base::require_threads(threads_of_a_network + 1);
  NetworkConfig config;
  caf::actor_system system(config);
  const auto hosting = std::make_shared<Hosting>(Hosting{service});
  auto listening = std::make_shared<std::promise<std::uint16_t>>();
  auto port = listening->get_future();
  const auto at_door = system.middleman().spawn_broker(listener, hosting, std::move(listening));
  const auto chosen = port.get();
  if (service.listening) service.listening(chosen);
  const auto pause = std::min<std::chrono::milliseconds>(100ms, service.pulse.beat);
  for (auto last = std::chrono::steady_clock::now(); !service.interrupt || !service.interrupt->load();) {
    std::this_thread::sleep_for(pause);
    if (const auto now = std::chrono::steady_clock::now(); now - last >= service.pulse.beat) {
      caf::anon_send(at_door, beat_atom::value);
      last = now;
    }
  }
  caf::anon_send_exit(at_door, caf::exit_reason::user_shutdown);
}

}  // namespace afu::actors
