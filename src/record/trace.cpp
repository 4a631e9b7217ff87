#include "record/trace.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "base/json_text.hpp"

namespace afu::record {

namespace {

constexpr std::uint32_t simulated_process = 1, lanes_process = 2;
constexpr TraceTime open_end = std::numeric_limits<TraceTime>::max();
constexpr std::uint64_t not_shown = std::numeric_limits<std::uint64_t>::max();

TraceTrack track_of(NodeId id) { return {simulated_process, id + 1}; }

// Behind all nodes' numbers: a thread's number is best unique in the whole file.
TraceTrack track_of_lane(std::uint32_t lane) {
  return {lanes_process, first_client_node + TraceBuilder::most_clients + 1 + lane};
}

std::string args_of(const Event& e) {
  return fmt::format(FMT_COMPILE("{{\"job\":{},\"version\":{},\"epoch\":{}}}"), e.job, e.version, e.epoch);
}

std::string args_of(const Decision& d) {
  fmt::memory_buffer out;
  base::append_text(out, "{\"client\":");
  if (d.client == no_client)
    base::append_text(out, "null");
  else
    base::append(out, FMT_COMPILE("{}"), d.client);
  base::append(out, FMT_COMPILE(",\"version\":{},\"epoch\":{},\"staleness\":{},\"weight\":"), d.version,
               d.epoch, d.staleness);
  base::append_number(out, d.weight);
  out.push_back('}');
  return fmt::to_string(out);
}

/// The kinds stand in this order: first those about an update.
bool concerns_an_update(Decision::Kind k) { return k <= Decision::Kind::late_accepted; }

}  // namespace

TraceBuilder::TraceBuilder(std::filesystem::path path, std::uint32_t clients,
                           const std::vector<std::string>& sites)
    : writer_(std::move(path)),
      clients_(clients),
      nodes_(first_client_node + std::min(clients, most_clients)),
      version_(not_shown),
      epoch_(not_shown),
      staleness_(not_shown) {
  writer_.name_process(simulated_process, clients <= most_clients
                                              ? std::string("simulated time")
                                              : fmt::format("simulated time (the first {} of {} clients)",
                                                            most_clients, clients));
  writer_.name_process(lanes_process, "lanes (real time)");
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    const bool is_site = id >= first_client_node && id - first_client_node < sites.size();
    writer_.name_thread(track_of(id), is_site
                                          ? client_text(id - first_client_node, sites[id - first_client_node])
                                          : node_name(id));
  }
}

TraceBuilder::~TraceBuilder() {
  try {
    finish();
  } catch (const std::exception&) {
    // finish() reports it to whoever calls it.
  }
}

TraceBuilder::Node* TraceBuilder::node(NodeId id) {
  if (id >= first_client_node && id - first_client_node >= clients_)
    throw std::out_of_range(fmt::format("trace: {} in a federation of {} clients", node_name(id), clients_));
  return id < nodes_.size() ? &nodes_[id] : nullptr;
}

/// Returns where the span begins on the track: later than `begin` when another one stands there already.
TraceTime TraceBuilder::draw(NodeId id, std::string_view name, TraceTime begin, TraceTime end,
                             std::string_view args) {
  auto& node = nodes_[id];
  begin = std::max(begin, node.drawn_to);
  if (begin <= end) {
    writer_.span(track_of(id), name, begin, end, args);
    node.drawn_to = end;
  }
  return begin;
}

void TraceBuilder::transfer(NodeId id, std::string_view name, const Event& e) {
  if (node(id) && e.sent < e.time) {
    const auto args = fmt::format(FMT_COMPILE("{{\"job\":{},\"version\":{},\"epoch\":{},\"bytes\":{}}}"),
                                  e.job, e.version, e.epoch, e.bytes);
    draw(id, name, to_trace_time(e.sent), to_trace_time(e.time), args);
  }
}

/// From the end of what was drawn last to `end`: wait, or stall where the server was halted.
void TraceBuilder::idle_until(NodeId id, TraceTime end) {
  auto& node = nodes_[id];
  const auto begin = std::max(node.since, node.drawn_to);
  const auto piece = [&](std::string_view name, TraceTime from, TraceTime to) {
    if (from < to) draw(id, name, from, to);
  };
  auto at = begin;
  auto halt = std::upper_bound(halts_.begin(), halts_.end(), begin,
                               [](TraceTime t, const auto& h) { return t < h.second; });
  for (; halt != halts_.end() && halt->first < end; ++halt) {
    piece("wait", at, halt->first);
    piece("stall", std::max(at, halt->first), std::min(halt->second, end));
    at = std::min(halt->second, end);
  }
  piece("wait", at, end);
}

void TraceBuilder::add(const Event& e) {
  using Doing = Node::Doing;
  const auto sent = to_trace_time(e.sent), time = to_trace_time(e.time);
  now_ = std::max(now_, time);
  switch (e.type) {
    case EventType::train_task:
    case EventType::collect_task:
      if (auto* n = node(e.to)) {
        if (n->doing == Doing::idle) idle_until(e.to, sent);
        transfer(e.to, "download", e);
        n->doing = Doing::computing;
        n->since = time;
        n->left = false;
        n->collecting = e.type == EventType::collect_task;
      }
      break;
    case EventType::job_done:
      if (auto* n = node(e.to)) {
        const auto begin = draw(e.to, "compute", sent, time, args_of(e));
        n->flow = n->collecting ? 0 : ++flows_;
        if (n->flow != 0) writer_.flow(track_of(e.to), 's', n->flow, std::min(begin, time));
        n->doing = Doing::sending;
        n->since = time;
      }
      break;
    case EventType::update:
      if (auto* n = node(e.from)) {
        const auto begin = draw(e.from, "upload", sent, time, args_of(e));
        const char step = n->flow == 0 ? 's' : 't';
        if (n->flow == 0) n->flow = ++flows_;
        writer_.flow(track_of(e.from), step, n->flow, std::min(begin, time));
        n->doing = Doing::idle;
        n->since = time;
      }
      break;
    case EventType::collect_result:
      if (auto* n = node(e.from)) {
        draw(e.from, "upload", sent, time, args_of(e));
        n->doing = Doing::idle;
        n->since = time;
      }
      break;
    case EventType::dropped:
      if (auto* n = node(e.from)) {
        if (n->doing == Doing::computing) draw(e.from, "lost", n->since, sent, args_of(e));
        transfer(e.from, "upload", e);
        n->flow = 0;
        n->doing = Doing::idle;
        n->since = time;
      }
      break;
    case EventType::erase_request:
      if (auto* n = node(e.from)) {
        if (e.from >= first_client_node) {
          if (n->doing == Doing::idle) idle_until(e.from, sent);
          n->left = true;
        }
        // An instant: the client may be computing meanwhile.
        writer_.instant(track_of(e.from), to_string(e.type), sent, args_of(e));
      }
      break;
    case EventType::erase_task:
    case EventType::calibrate_task:
      transfer(e.to, "download", e);
      break;
    case EventType::erase_job_done:
    case EventType::calibrate_job_done:
      if (node(e.to))
        draw(e.to, e.type == EventType::erase_job_done ? "erase" : "calibrate", sent, time, args_of(e));
      break;
    case EventType::erase_result:
    case EventType::calibrate_result:
      transfer(e.from, "upload", e);
      break;
  }
}

void TraceBuilder::add(const Decision& d) {
  using Kind = Decision::Kind;
  const auto time = to_trace_time(d.time);
  const auto server = track_of(server_node);
  now_ = std::max(now_, time);
  if (d.kind == Kind::halted) {
    if (!halted_) halts_.emplace_back(time, open_end);
    halted_ = true;
  } else if (d.kind == Kind::resumed) {
    if (halted_) {
      halts_.back().second = time;
      writer_.span(server, "halted", halts_.back().first, time);
    }
    halted_ = false;
  } else {
    if (concerns_an_update(d.kind)) {
      auto* n = node(first_client_node + d.client);
      if (n && n->flow != 0) writer_.flow(server, 'f', std::exchange(n->flow, 0), time);
    }
    writer_.instant(server, to_string(d.kind), time, args_of(d));
  }
  count(version_, "version", time, d.version);
  count(epoch_, "epoch", time, d.epoch);
  if (concerns_an_update(d.kind)) count(staleness_, "staleness", time, d.staleness);
}

void TraceBuilder::count(std::uint64_t& last, std::string_view name, TraceTime at, std::uint64_t value) {
  if (last != value) writer_.counter(simulated_process, name, at, value);
  last = value;
}

void TraceBuilder::add(const LaneSpan& s) {
  if (s.lane >= named_lanes_.size()) named_lanes_.resize(s.lane + 1);
  const auto track = track_of_lane(s.lane);
  if (!named_lanes_[s.lane]) writer_.name_thread(track, fmt::format("lane/{}", s.lane));
  named_lanes_[s.lane] = true;
  writer_.span(track, s.name, to_trace_time(s.begin), to_trace_time(s.end));
}

void TraceBuilder::finish() {
  if (!std::exchange(finished_, true)) {
    if (now_ >= to_trace_time(last_trace_second))
      writer_.label_process(simulated_process, "what is later than 9e9 s is drawn at 9e9 s");
    if (halted_) writer_.span(track_of(server_node), "halted", halts_.back().first, now_);
    constexpr std::string_view unfinished = "{\"unfinished\":true}";
    for (NodeId id = first_client_node; id < nodes_.size(); ++id) {
      const auto& n = nodes_[id];
      if (n.doing == Node::Doing::idle) {
        if (!n.left) idle_until(id, now_);
      } else if (n.since < now_) {
        draw(id, n.doing == Node::Doing::computing ? "compute" : "upload", n.since, now_, unfinished);
      }
    }
  }
  writer_.finish();
}

}  // namespace afu::record
