#include "record/event_log.hpp"

#include "base/json_text.hpp"

namespace afu::record {

namespace {

/// As node_name, without a string in between.
void append_node(fmt::memory_buffer& out, NodeId id) {
  if (id >= first_client_node)
    base::append(out, FMT_COMPILE("\"client/{}\""), id - first_client_node);
  else
    base::append_string(out, node_name(id));
}

}  // namespace

void EventLog::append(const Event& e) {
  auto& out = file_.buffer();
  base::append_text(out, "{\"t\":");
  base::append_number(out, e.time);
  base::append(out, FMT_COMPILE(",\"event\":\"{}\",\"from\":"), to_string(e.type));
  append_node(out, e.from);
  base::append_text(out, ",\"to\":");
  append_node(out, e.to);
  base::append_text(out, ",\"sent\":");
  base::append_number(out, e.sent);
  base::append(out, FMT_COMPILE(",\"job\":{},\"version\":{},\"epoch\":{},\"bytes\":{}}}\n"), e.job, e.version,
               e.epoch, e.bytes);
  file_.drain();
}

void EventLog::append(const Decision& d) {
  auto& out = file_.buffer();
  base::append_text(out, "{\"t\":");
  base::append_number(out, d.time);
  base::append(out, FMT_COMPILE(",\"decision\":\"{}\",\"client\":"), to_string(d.kind));
  if (d.client == no_client)
    base::append_text(out, "null");
  else
    base::append(out, FMT_COMPILE("{}"), d.client);
  base::append(out, FMT_COMPILE(",\"version\":{},\"epoch\":{},\"staleness\":{},\"weight\":"), d.version,
               d.epoch, d.staleness);
  base::append_number(out, d.weight);
  if (d.updates_lost) base::append(out, FMT_COMPILE(",\"updates_lost\":{}"), *d.updates_lost);
  base::append_text(out, "}\n");
  file_.drain();
}

}  // namespace afu::record
