/// Runs whose lanes are in part, or all, those of a node. The node is in this process, in a thread of its own, and reached over loopback.
#include "actors/nodes.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "actors/node.hpp"
#include "base/input_error.hpp"
#include "tests/actors/support.hpp"
#include "wire/connect.hpp"
#include "wire/handshake.hpp"

using namespace afu;
using namespace std::chrono_literals;

namespace {

const wire::Token secret("sixteen bytes or more");
constexpr actors::Pulse quick{50ms, 10s};

class Node {
 public:
  explicit Node(std::uint16_t port = 0, wire::Token token = secret) : token_(std::move(token)) {
    start(port);
  }
  ~Node() { stop(); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void start(std::uint16_t port) {
    interrupt_ = false;
    std::promise<std::uint16_t> listening;
    auto chosen = listening.get_future();
    thread_ = std::thread([this, port, &listening] {
      actors::NodeService service;
      service.listen = {"127.0.0.1", port};
      service.devices = {"cpu"};
      service.token = token_;
      service.pulse = quick;
      service.tell = [this](const std::string& line) {
        const std::lock_guard<std::mutex> lock(mutex_);
        lines_ += line + "\n";
      };
      service.listening = [&](std::uint16_t p) { listening.set_value(p); };
      service.interrupt = &interrupt_;
      actors::serve(service);
    });
    port_ = chosen.get();
  }
  void stop() {
    interrupt_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::uint16_t port() const { return port_; }
  std::string lines() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return lines_;
  }
  /// Until it has said so.
  void wait_for(const std::string& words) const {
    while (lines().find(words) == std::string::npos) std::this_thread::sleep_for(1ms);
  }

 private:
  wire::Token token_;
  std::atomic<bool> interrupt_{false};
  mutable std::mutex mutex_;
  std::string lines_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

actors::RunOptions by(const Node& node, bool local_lanes) {
  actors::RunOptions options;
  options.nodes.nodes = {{"127.0.0.1", node.port()}};
  options.nodes.token = secret;
  options.nodes.local_lanes = local_lanes;
  options.nodes.pulse = quick;
  return options;
}

bool says(const std::vector<std::string>& lines, const std::string& words) {
  for (const auto& line : lines)
    if (line.find(words) != std::string::npos) return true;
  return false;
}

/// A connection that speaks for itself.
class Stranger {
 public:
  explicit Stranger(const Node& node) : socket_(wire::connect_to({"127.0.0.1", node.port()}, 5s)) {}
  ~Stranger() { ::close(socket_); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  void send(const std::string& bytes) const {
    CHECK(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  void send(const wire::Frame& frame) const {
    std::string bytes;
    wire::append(bytes, frame);
    send(bytes);
  }
  /// The next frame. Of a connection that has been closed a refusal "closed".
  wire::Frame next() {
    for (;;) {
      if (auto frame = reader_.next()) return *frame;
      char buffer[4096];
      const auto got = ::recv(socket_, buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        std::this_thread::sleep_for(1ms);
        continue;
      }
      if (got <= 0) return wire::refusal("closed");
      reader_.put(buffer, static_cast<std::size_t>(got));
    }
  }
  /// What the node says before it closes.
  std::string refusal() {
    for (;;) {
      const auto frame = next();
      if (frame.kind == wire::Kind::refusal) return wire::text_of_refusal(frame);
    }
  }

 private:
  int socket_;
  wire::FrameReader reader_;
};

}  // namespace

TEST_CASE("a run by a node's lanes, beside its own or alone, is the run on one machine") {
  const auto alone = test::play(test::small);
  const Node node;
  for (const bool local : {true, false}) {
    CAPTURE(local);
    const auto played = test::play(test::small, {}, by(node, local));
    CHECK(played.result.report.failure.empty());
    CHECK(played.text == alone.text);
    CHECK(played.result.summary.model_sha256 == alone.result.summary.model_sha256);
    CHECK(says(played.result.notes, "jobs were computed there"));
    if (!local) CHECK_FALSE(says(played.result.notes, ": 0 jobs were computed there"));
    CHECK(played.result.warnings == alone.result.warnings);
  }
  node.wait_for("a run has come\nthe run is gone: the connection was closed; ");
}

TEST_CASE("a run without any node left waits for one, says so, and gives the same bytes") {
  const auto alone = test::play(test::small);
  Node node;
  auto options = by(node, false);
  std::promise<void> waits;
  std::string told;  // by the link's thread, read once that has ended
  options.nodes.tell = [&](const std::string& line) {
    told += line + "\n";
    if (line == "no node is left: the run waits for one") waits.set_value();
  };
  std::thread again;
  options.on_start = [&](const auto&...) {
    node.stop();
    again = std::thread([&] {
      waits.get_future().wait();
      node.start(node.port());
    });
  };
  const auto played = test::play(test::small, {}, options);
  again.join();
  CHECK(played.result.report.failure.empty());
  CHECK(played.text == alone.text);
  CHECK(played.result.summary.model_sha256 == alone.result.summary.model_sha256);
  CHECK(told.find("was lost: ") != std::string::npos);
  CHECK(told.find("is there again") != std::string::npos);
  CHECK(says(played.result.warnings, "was lost once"));
}

TEST_CASE("a run that is interrupted while it waits for a node ends") {
  Node node;
  auto options = by(node, false);
  std::atomic<bool> interrupt{false};
  options.interrupt = &interrupt;
  options.nodes.tell = [&](const std::string& line) {
    if (line == "no node is left: the run waits for one") interrupt = true;
  };
  options.on_start = [&](const auto&...) { node.stop(); };
  const auto played = test::play(test::small, {}, options);
  CHECK(played.result.report.interrupted);
}

TEST_CASE("a run does not begin without all of its nodes, and says which one and why") {
  Node node;
  const auto address = "node 127.0.0.1:" + std::to_string(node.port());
  auto options = by(node, true);
  options.nodes.token = wire::Token("another of sixteen bytes");
  CHECK_THROWS_WITH_AS(
      test::play(test::small, {}, options),
      (address + ": the peer refuses: the run has another token, or one of the two has none (--token-file)")
          .c_str(),
      InputError);
  node.stop();
  CHECK_THROWS_WITH_AS(test::play(test::small, {}, by(node, true)),
                       (address + ": Connection refused").c_str(), InputError);
}

TEST_CASE("a timing run asks none of its nodes, says so, and gives the same bytes") {
  Node node;
  const auto options = by(node, false);
  node.stop();
  const auto alone = test::play(test::small, {"scenario.execute=timing"});
  const auto played = test::play(test::small, {"scenario.execute=timing"}, options);
  CHECK(played.text == alone.text);
  CHECK(says(played.result.warnings, "none of them is asked, since a timing run computes nothing"));
}

TEST_CASE("a node tells a stranger why it is refused, and serves the next run") {
  const Node node;
  CHECK(Stranger(node).next().kind == wire::Kind::greeting);  // and goes
  {
    Stranger s(node);
    s.send(std::string("GET / HTTP/1.1\r\nHost: node\r\n\r\n"));
    CHECK(s.refusal() == "byte 0 of the connection: there is no frame of kind 47");
  }
  {
    Stranger s(node);
    s.send(wire::Frame{wire::Kind::assignment, wire::Bytes(100)});
    CHECK(s.refusal() == "a frame (assignment) where a greeting is expected");
  }
  {
    Stranger s(node);
    s.send(std::string("\xff\xff\xff\x7f\x05", 5));
    CHECK(s.refusal() == "byte 0 of the connection: a frame (vector) of 2147483647 bytes, allowed: 1024");
  }
  {
    Stranger s(node);
    auto greeting = wire::Handshake(wire::Role::run, secret).greeting();
    greeting.bytes[8] = 9;
    s.send(greeting);
    CHECK(s.refusal() == "the peer speaks version 9 of the protocol, this afu version 1");
  }
  const auto played = test::play(test::small, {}, by(node, true));
  CHECK(played.result.report.failure.empty());
}

TEST_CASE("a node takes no frame of a run before its session, and none that no run sends") {
  const Node node;
  const auto refusal_of = [&](const wire::Frame& frame) {
    Stranger s(node);
    wire::Handshake hands(wire::Role::run, secret);
    s.send(hands.greeting());
    s.send(*hands.take(s.next()));
    CHECK_FALSE(hands.take(s.next()));
    CHECK(hands.complete());
    s.send(frame);
    const auto why = s.refusal();
    node.wait_for("the run is gone: " + why);
    return why;
  };
  CHECK(refusal_of({wire::Kind::assignment, wire::Bytes(10)}) == "a frame (assignment) before any session");
  CHECK(refusal_of({wire::Kind::session, wire::Bytes(10)}).find("these bytes are no session") == 0);
  CHECK(refusal_of({wire::Kind::greeting, {}}) == "the peer shakes hands a second time");
  wire::Session other{"another revision", "x.toml", "", "", 1};
  CHECK(refusal_of(wire::to_frame(other)).find(", the run's of another revision") != std::string::npos);
}

TEST_CASE("a node works for one run at a time") {
  const Node node;
  Stranger s(node);
  wire::Handshake hands(wire::Role::run, secret);
  s.send(hands.greeting());
  s.send(*hands.take(s.next()));
  hands.take(s.next());
  node.wait_for("a run has come");
  auto options = by(node, true);
  options.nodes.busy = 0s;
  CHECK_THROWS_WITH_AS(
      test::play(test::small, {}, options),
      ("node 127.0.0.1:" + std::to_string(node.port()) + ": the peer refuses: it works for another run")
          .c_str(),
      InputError);
}

TEST_CASE("a run waits a while for a node that works for another one") {
  const Node node;
  std::optional<Stranger> s(std::in_place, node);
  wire::Handshake hands(wire::Role::run, secret);
  s->send(hands.greeting());
  s->send(*hands.take(s->next()));
  hands.take(s->next());
  node.wait_for("a run has come");
  std::thread goes([&] {
    node.wait_for("it works for another run");
    s.reset();
  });
  const auto played = test::play(test::small, {}, by(node, false));
  goes.join();
  REQUIRE(played.result.summary.nodes.size() == 1);
  const auto& record = played.result.summary.nodes[0];
  CHECK(record.node == "127.0.0.1:" + std::to_string(node.port()));
  CHECK(record.jobs > 0);
  CHECK(record.lanes > 0);
  CHECK(record.losses == 0);
}

TEST_CASE("a node that is being started is waited for where that is asked for") {
  Node node;
  auto options = by(node, false);
  options.nodes.await_gone = true;
  const auto port = node.port();
  node.stop();
  auto started = std::async(std::launch::async, [&] { node.start(port); });
  CHECK(test::play(test::small, {}, options).result.summary.ended == "completed");
  started.get();
}

TEST_CASE("whoever waits for a node can be interrupted") {
  Node node;
  auto options = by(node, false);
  node.stop();
  const std::atomic<bool> interrupt{true};
  options.nodes.await_gone = true;
  options.nodes.interrupt = &interrupt;
  CHECK_THROWS_AS(test::play(test::small, {}, options), actors::NotAwaited);
}
