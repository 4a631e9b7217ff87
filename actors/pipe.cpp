#include "actors/pipe.hpp"

#include <fmt/format.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <utility>

#include "actors/behaviour.hpp"

namespace afu::actors {
namespace {

using Clock = std::chrono::steady_clock;

/// What may wait: bytes for the system to send, and frames and their bytes that the owner has not used yet.
constexpr std::size_t most_unsent = std::size_t{4} << 20, most_frames = 4096,
                      most_bytes = std::size_t{256} << 20;

/// Bytes that are read at a time, and so of a connection's buffer: before the peer has proved the token, and after.
constexpr std::size_t stranger_reads = 2048, peer_reads = std::size_t{256} << 10;

struct PipeState {
  static inline const char* name = "pipe";
  caf::io::connection_handle connection;
  caf::actor spawner, owner;
  std::unique_ptr<wire::Handshake> handshake;
  Pulse pulse;
  wire::FrameReader reader;
  wire::Outbox outbox;
  wire::Credit credit;
  std::vector<Arrived> early;  ///< before it had an owner
  std::size_t unsent = 0, frames = 0, bytes = 0;
  const Clock::time_point began = Clock::now();
  Clock::time_point heard = began;
};
using Broker = caf::io::stateful_broker<PipeState>;

void write(Broker* self, const wire::Frame& frame) {
  auto& st = self->state;
  wire::append(self->wr_buf(st.connection), frame);
  st.unsent += wire::header_bytes + frame.bytes.size();
  self->flush(st.connection);
}

void pump(Broker* self) {
  auto& st = self->state;
  while (st.handshake->complete() && st.unsent < most_unsent) {
    const auto frame = st.outbox.next();
    if (!frame) return;
    write(self, *frame);
  }
}

void end(Broker* self, std::string why) {
  self->quit(caf::make_error(caf::sec::runtime_error, std::move(why)));
}

void refuse(Broker* self, const std::string& why) {
  write(self, wire::refusal(why));
  end(self, why);
}

void hand_on(Broker* self, wire::Frame frame) {
  auto& st = self->state;
  if (frame.kind == wire::Kind::chunk) st.credit.spend();
  ++st.frames;
  st.bytes += frame.bytes.size();
  if (st.frames > most_frames || st.bytes > most_bytes)
    throw wire::WireError("more is sent than can be used");
  Arrived arrived{std::make_shared<const wire::Frame>(std::move(frame))};
  if (st.owner)
    self->send(st.owner, std::move(arrived));
  else
    st.early.push_back(std::move(arrived));
}

void take(Broker* self, wire::Frame frame) {
  using wire::Kind;
  auto& st = self->state;
  if (!st.handshake->complete()) {
    if (const auto reply = st.handshake->take(frame)) write(self, *reply);
    if (!st.handshake->complete()) return;
    st.reader.allow(wire::most_after_proof);
    self->configure_read(st.connection, caf::io::receive_policy::at_most(peer_reads));
    return self->send(st.spawner, Opened{caf::actor_cast<caf::actor>(self)});
  }
  switch (frame.kind) {
    case Kind::beat:
      return;
    case Kind::credit:
      return st.outbox.take_credit(frame);
    case Kind::refusal:
      return end(self, "the peer refuses: " + wire::text_of_refusal(frame));
    case Kind::greeting:
    case Kind::proof:
      throw wire::WireError("the peer shakes hands a second time");
    default:
      hand_on(self, std::move(frame));
  }
}

void received(Broker* self, const std::vector<char>& bytes) {
  auto& st = self->state;
  st.heard = Clock::now();
  try {
    st.reader.put(bytes.data(), bytes.size());
    while (auto frame = st.reader.next()) take(self, std::move(*frame));
  } catch (const wire::WireError& e) {
    return refuse(self, e.what());
  }
  pump(self);
}

void beat(Broker* self) {
  auto& st = self->state;
  const auto now = Clock::now();
  if (!st.handshake->complete() && now - st.began > st.pulse.patience)
    return refuse(self, "the token was not proved in time");
  const auto silent = now - st.heard;
  if (silent > st.pulse.patience)
    return end(self, fmt::format("nothing was heard of it for {:.3g} s",
                                 std::chrono::duration<double>(silent).count()));
  if (st.handshake->complete()) st.outbox.send_first({wire::Kind::beat, {}});
  pump(self);
}

caf::behavior pipe(Broker* self, caf::io::connection_handle connection, wire::Role role,
                   const wire::Token& token, Pulse pulse, const caf::actor& spawner) {
  auto& st = self->state;
  st.connection = connection;
  st.spawner = spawner;
  st.pulse = pulse;
  st.handshake = std::make_unique<wire::Handshake>(role, token);
  self->set_exception_handler([](std::exception_ptr& e) { return reason_of(e); });
  self->configure_read(connection, caf::io::receive_policy::at_most(stranger_reads));
  self->ack_writes(connection, true);
  write(self, st.handshake->greeting());
  return {
      [=](const caf::io::new_data_msg& m) { received(self, m.buf); },
      [=](const caf::io::data_transferred_msg& m) {
        self->state.unsent = static_cast<std::size_t>(m.remaining);
        pump(self);
      },
      [=](const caf::io::connection_closed_msg&) { end(self, "the connection was closed"); },
      [=](beat_atom) { beat(self); },
      [=](const Owned& m) {
        auto& st = self->state;
        st.owner = m.owner;
        for (auto& arrived : std::exchange(st.early, {})) self->send(st.owner, std::move(arrived));
      },
      [=](const Outgoing& m) {
        if (m.frame)
          self->state.outbox.send(*m.frame);
        else
          self->state.outbox.send(m.vector);
        pump(self);
      },
      [=](const Used& m) {
        auto& st = self->state;
        --st.frames;
        st.bytes -= m.bytes;
        if (m.kind != wire::Kind::chunk) return;
        if (auto more = st.credit.give_back()) st.outbox.send_first(std::move(*more));
        pump(self);
      },
      [=](const Refused& m) { refuse(self, m.why); },
  };
}

}  // namespace

caf::actor spawn_pipe(caf::actor_system& sys, int socket, wire::Role role, const wire::Token& token,
                      Pulse pulse, const caf::actor& spawner) {
  return sys.middleman().spawn_broker(
      [=](Broker* self) { return pipe(self, self->add_scribe(socket), role, token, pulse, spawner); });
}

caf::actor fork_pipe(caf::io::broker* listener, caf::io::connection_handle connection,
                     const wire::Token& token, Pulse pulse) {
  const auto spawner = caf::actor_cast<caf::actor>(listener);
  return listener->fork(
      [=](Broker* self, caf::io::connection_handle c) {
        return pipe(self, c, wire::Role::node, token, pulse, spawner);
      },
      connection);
}

}  // namespace afu::actors
