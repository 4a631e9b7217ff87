#include "actors/nodes.hpp"

#include <fmt/format.h>

#include <atomic>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "actors/behaviour.hpp"
#include "actors/detached.hpp"
#include "actors/network.hpp"
#include "actors/pipe.hpp"
#include "actors/presence.hpp"
#include "base/input_error.hpp"
#include "base/threads.hpp"
#include "device/notes.hpp"
#include "wire/connect.hpp"
#include "wire/values.hpp"

namespace afu::actors {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using tick_atom = caf::atom_constant<caf::atom("tick")>;

constexpr auto connecting_takes = 3s;  ///< at most
constexpr std::uint32_t places_of_a_lane =
    2;  ///< the second one's job is on its way while the first one's is computed

/// What all links of a run share.
struct Sought {
  NodeOptions options;
  wire::Session session;
  wire::Offer own;
  bool deterministic = true;
  std::shared_ptr<device::Notes> notes;
  std::shared_ptr<std::atomic<int>> there = std::make_shared<std::atomic<int>>(0);  ///< nodes that are

  void tell(const std::string& line) const {
    if (options.tell) options.tell(line);
  }
};

struct LinkState {
  static inline const char* name = "link";
  std::shared_ptr<const Sought> sought;
  base::Address address;
  std::shared_ptr<Presence> presence;
  std::shared_ptr<std::promise<wire::Offer>> first;  ///< null once there was an offer
  Clock::time_point begun = Clock::now();
  caf::actor pipe;
  Clock::time_point tried{};  ///< to connect
  bool there = false;
  std::uint64_t count = 0;
  std::string told;  ///< why it cannot be had again, as it was told last
  std::map<std::uint64_t, OrderPtr> orders;
  wire::PeerVectors peer;
  wire::Assembly assembly;
  wire::Shelf shelf;
};
using Link = caf::stateful_actor<LinkState>;

/// No vector is larger, bytes.
constexpr std::uint64_t most_vector = std::uint64_t{1} << 36;

std::string who(const LinkState& st) { return "node " + base::to_text(st.address); }

/// For a node, before the run begins.
bool may_wait(const LinkState& st) { return Clock::now() - st.begun < st.sought->options.busy; }

void connect(Link* self) {
  auto& st = self->state;
  try {
    const int socket = wire::connect_to(st.address, connecting_takes);
    const auto me = caf::actor_cast<caf::actor>(self);
    st.pipe = spawn_pipe(self->system(), socket, wire::Role::run, st.sought->options.token,
                         st.sought->options.pulse, me);
    self->monitor(st.pipe);
    st.presence->set_pipe(st.pipe);
  } catch (const std::exception& e) {
    if (st.first && !(st.sought->options.await_gone && may_wait(st))) {
      st.first->set_exception(std::make_exception_ptr(std::runtime_error(e.what())));
      st.first = nullptr;
      self->quit();
    }
  }
}

/// The connection is gone, or of no use.
void lose(Link* self, const std::string& why) {
  auto& st = self->state;
  st.pipe = nullptr;
  if (st.first) {
    const bool busy = why.find(works_for_another) != std::string::npos;
    if (busy && may_wait(st)) return;  // at one of the next ticks again
    st.first->set_exception(std::make_exception_ptr(std::runtime_error(why)));
    st.first = nullptr;
    return self->quit();
  }
  if (std::exchange(st.there, false)) {
    std::size_t jobs = 0;
    for (const auto& [number, order] : st.orders) jobs += order->jobs.size();
    st.presence->lost(jobs, why);
    st.sought->tell(
        fmt::format("{} was lost: {}; {} jobs that it had are computed again", who(st), why, jobs));
    if (--*st.sought->there == 0)
      st.sought->tell(st.sought->options.local_lanes ? "no node is left: this machine's lanes go on alone"
                                                     : "no node is left: the run waits for one");
    st.told.clear();
  } else if (why != st.told) {
    st.told = why;
    st.sought->tell(fmt::format("{} is not there again: {}", who(st), why));
  }
  st.presence->set(Presence::State::sought);
  for (auto& [number, order] : std::exchange(st.orders, {}))
    order->results.set_exception(std::make_exception_ptr(lane::NodeLost(who(st) + ": " + why)));
  st.peer = {}, st.assembly = {}, st.shelf = {};
}

void send(Link* self, wire::Frame frame) {
  self->send(self->state.pipe, Outgoing{std::make_shared<const wire::Frame>(std::move(frame)), {}});
}

void take_offer(Link* self, const wire::Frame& frame) {
  auto& st = self->state;
  const auto& sought = *st.sought;
  const auto offer = wire::offer_from(frame);
  if (const auto why = wire::why_unusable(sought.own, offer); !why.empty()) throw wire::WireError(why);
  const auto other = wire::why_other_bytes(sought.own, offer);
  if (!other.empty() && sought.deterministic && !sought.options.mixed_numerics)
    throw wire::WireError(other + ", so the same bytes are not promised; allowed with --mixed-numerics");
  if (!other.empty())
    sought.notes->warn(fmt::format("{}: {}: the same bytes are not promised", who(st), other));
  st.there = true;
  ++*sought.there;
  st.presence->set(Presence::State::there);
  if (st.first) {
    st.first->set_value(offer);
    st.first = nullptr;
  } else {
    sought.tell(who(st) + " is there again");
  }
}

void take_results(Link* self, const wire::Frame& frame) {
  auto& st = self->state;
  auto got = wire::results_from(frame, [&](const wire::Name& name) { return st.shelf.get(name); });
  st.shelf = {};  // whoever needs them holds them
  const auto order = st.orders.find(got.number);
  if (order == st.orders.end() || order->second->jobs.size() != got.results.size())
    throw wire::WireError(fmt::format("{} results for assignment {}, which has not as many jobs",
                                      got.results.size(), got.number));
  const auto kept = order->second;
  st.orders.erase(order);
  st.presence->computed(kept->jobs.size());
  kept->results.set_value(std::move(got.results));
}

void arrived(Link* self, const wire::Frame& frame) {
  using wire::Kind;
  auto& st = self->state;
  if (!st.there && frame.kind != Kind::offer)
    throw wire::WireError(fmt::format("a frame ({}) before any offer", wire::to_text(frame.kind)));
  switch (frame.kind) {
    case Kind::offer:
      if (st.there) throw wire::WireError("a second offer");
      return take_offer(self, frame);
    case Kind::vector:
    case Kind::chunk:
      if (const auto whole = st.assembly.take(frame, most_vector)) st.shelf.put(whole->name, whole->bytes);
      return;
    case Kind::results:
      return take_results(self, frame);
    default:
      throw wire::WireError(fmt::format("a node sends no frame ({})", wire::to_text(frame.kind)));
  }
}

void forget(Link* self) {
  auto& st = self->state;
  if (const auto gone = st.peer.take_gone(); !gone.empty()) send(self, wire::forgetting(gone));
}

void order(Link* self, const OrderPtr& order) {
  auto& st = self->state;
  if (!st.there)
    return order->results.set_exception(std::make_exception_ptr(lane::NodeLost(who(st) + " is not there")));
  try {
    forget(self);
    auto frame = wire::to_frame({st.count, order->jobs}, [&](const model::ParametersPtr& v) {
      auto named = st.peer.name(v);
      if (named.bytes) self->send(st.pipe, Outgoing{nullptr, named});
      return named.name;
    });
    if (frame.bytes.size() > wire::most_after_proof)
      throw std::length_error(
          fmt::format("jobs of {} bytes, allowed: {}", frame.bytes.size(), wire::most_after_proof));
    send(self, std::move(frame));
    st.orders.emplace(st.count++, order);
  } catch (const std::exception& e) {  // it cannot be told: as if the lane had failed
    job::JobResult failed;
    failed.error = who(st) + ": " + e.what();
    order->results.set_value(std::vector<job::JobResult>(order->jobs.size(), failed));
  }
}

caf::behavior link(Link* self, std::shared_ptr<const Sought> sought, const base::Address& address,
                   std::shared_ptr<Presence> presence, std::shared_ptr<std::promise<wire::Offer>> first) {
  auto& st = self->state;
  st.sought = std::move(sought);
  st.address = address;
  st.presence = std::move(presence);
  st.first = std::move(first);
  self->set_down_handler([=](const caf::down_msg& m) {
    if (self->state.pipe && m.source == self->state.pipe.address())
      lose(self, text_of(self->system(), m.reason));
  });
  self->set_exit_handler([=](const caf::exit_msg& m) {
    auto& st = self->state;
    if (st.pipe) self->send_exit(st.pipe, m.reason);
    for (auto& [number, order] : std::exchange(st.orders, {}))
      order->results.set_exception(std::make_exception_ptr(lane::NodeLost("the run ends")));
    self->quit(m.reason);
  });
  return {
      [=](tick_atom) {
        auto& st = self->state;
        if (st.there) return forget(self);
        // Connecting may take longer than ticks do.
        if (st.pipe || Clock::now() - st.tried < st.sought->options.pulse.beat / 2) return;
        connect(self);
        st.tried = Clock::now();
      },
      [=](const Opened& m) {
        self->send(m.pipe, Owned{caf::actor_cast<caf::actor>(self)});
        send(self, wire::to_frame(self->state.sought->session));
      },
      [=](const Arrived& m) {
        if (!self->state.pipe) return;  // of one that was lost
        try {
          arrived(self, *m.frame);
        } catch (const std::exception& e) {
          const auto pipe = self->state.pipe;
          self->demonitor(pipe);
          self->send(pipe, Refused{e.what()});
          return lose(self, e.what());
        }
        self->send(self->state.pipe, Used{m.frame->kind, m.frame->bytes.size()});
      },
      [=](const OrderPtr& o) { order(self, o); },
  };
}

/// Wakes links and pipes in a thread of its own. CAF's clock holds whom it is to wake, at its end too, and a link's thread ends only once nobody
/// holds that.
class Ticker {
 public:
  Ticker(std::vector<std::shared_ptr<Presence>> woken, std::chrono::milliseconds period)
      : thread_([this, woken = std::move(woken), period] {
          std::unique_lock<std::mutex> lock(mutex_);
          while (!over_) {
            for (const auto& node : woken) {
              if (const auto link = node->link()) caf::anon_send(link, tick_atom::value);
              if (const auto pipe = node->pipe()) caf::anon_send(pipe, beat_atom::value);
            }
            changed_.wait_for(lock, period, [&] { return over_; });
          }
        }) {}
  ~Ticker() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;  ///< last: it uses the others
};

}  // namespace

struct Nodes::Network {
  struct Node {
    std::shared_ptr<Presence> presence = std::make_shared<Presence>();
    std::uint32_t lanes = 0;
    std::string name, host;
  };
  NetworkConfig config;
  caf::actor_system system{config};
  std::vector<Node> nodes;
  std::shared_ptr<std::atomic<int>> there;  ///< nodes that are
  std::shared_ptr<device::Notes> notes;
  std::unique_ptr<Ticker> ticker;

  void close() {
    for (auto& node : nodes) {
      node.presence->set(Presence::State::closed);
      if (const auto link = node.presence->link()) caf::anon_send_exit(link, caf::exit_reason::user_shutdown);
    }
  }
  ~Network() {
    close();
    ticker = nullptr;
    for (auto& node : nodes) node.presence->set_link(nullptr);
  }
};

Nodes::Nodes(NodeOptions options, wire::Session session, wire::Offer own, bool deterministic,
             std::shared_ptr<device::Notes> notes) {
  const auto sought = std::make_shared<const Sought>(
      Sought{std::move(options), std::move(session), std::move(own), deterministic, std::move(notes)});
  base::require_threads(threads_of_a_network + 1 + static_cast<int>(sought->options.nodes.size()));
  network_ = std::make_unique<Network>();
  network_->notes = sought->notes;
  network_->there = sought->there;
  std::vector<std::future<wire::Offer>> offers;
  for (const auto& address : sought->options.nodes) {  // all load their data at the same time
    auto& node = network_->nodes.emplace_back();
    auto first = std::make_shared<std::promise<wire::Offer>>();
    offers.push_back(first->get_future());
    node.name = base::to_text(address);
    node.presence->set_link(
        spawn_detached(network_->system, link, sought, address, node.presence, std::move(first)));
  }
  std::vector<std::shared_ptr<Presence>> woken;
  for (const auto& node : network_->nodes) woken.push_back(node.presence);
  network_->ticker = std::make_unique<Ticker>(std::move(woken), sought->options.pulse.beat);
  std::string wrong;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    auto& node = network_->nodes[i];
    while (offers[i].wait_for(100ms) != std::future_status::ready)
      if (const auto* flag = sought->options.interrupt; flag && flag->load())
        throw NotAwaited(fmt::format("interrupted while node {} was waited for", node.name));
    try {
      const auto offer = offers[i].get();
      node.lanes = offer.lanes;
      node.host = offer.host;
      std::string devices;
      for (const auto& d : offer.devices)
        devices += (devices.empty() ? "" : ", ") + d.name + " (" + d.description + ")";
      sought->notes->add(
          fmt::format("node {}: {} lanes on {} of {}", node.name, offer.lanes, devices, offer.host));
    } catch (const std::exception& e) {
      wrong += fmt::format("{}node {}: {}", wrong.empty() ? "" : "; ", node.name, e.what());
    }
  }
  if (!wrong.empty()) throw InputError(wrong);
}

Nodes::~Nodes() = default;
bool Nodes::any_there() const { return *network_->there > 0; }
void Nodes::close() { network_->close(); }

std::vector<lane::EngineSpec> Nodes::lanes(const lane::EngineSpec& like) const {
  std::vector<lane::EngineSpec> specs;
  for (const auto& node : network_->nodes) {
    auto spec = like;
    spec.device = node.name;
    spec.pool = nullptr;
    spec.admission = nullptr;
    spec.remote = [presence = node.presence] { return remote_engine(presence); };
    specs.insert(specs.end(), std::size_t{places_of_a_lane} * node.lanes, spec);
  }
  return specs;
}

std::vector<sim::LaneGroup> Nodes::groups() const {
  std::vector<sim::LaneGroup> groups;
  for (const auto& node : network_->nodes) groups.push_back({places_of_a_lane * node.lanes, node.lanes});
  return groups;
}

std::vector<record::NodeRecord> Nodes::conclude() const {
  std::vector<record::NodeRecord> records;
  for (const auto& node : network_->nodes) {
    const auto tally = node.presence->tally();
    network_->notes->add(fmt::format("node {}: {} jobs were computed there", node.name, tally.computed));
    if (tally.losses > 0)
      network_->notes->warn(fmt::format(
          "node {} was lost {}, and {} jobs that it had were computed again; the last time: {}", node.name,
          tally.losses == 1 ? "once" : fmt::format("{} times", tally.losses), tally.given_back, tally.last));
    records.push_back(
        {node.name, node.host, node.lanes, tally.computed, tally.losses, tally.given_back, tally.last});
  }
  return records;
}

}  // namespace afu::actors
