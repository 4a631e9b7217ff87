#include "record/audit_log.hpp"

#include "base/json_text.hpp"

namespace afu::record {

namespace {

template <class Items, class Each>
void append_list(fmt::memory_buffer& out, const Items& items, const Each& each) {
  out.push_back('[');
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.push_back(',');
    each(items[i]);
  }
  out.push_back(']');
}

template <class T>
void append_optional(fmt::memory_buffer& out, const char* name, const std::optional<T>& v) {
  append_text(out, name);
  if (v)
    record::append(out, FMT_COMPILE("{}"), *v);
  else
    append_text(out, "null");
}

}  // namespace

void AuditLog::append(const AuditJob& j) {
  auto& out = file_.buffer();
  append_text(out, "{\"kind\":");
  append_string(out, j.kind);
  append_text(out, ",\"to\":");
  append_string(out, node_name(j.to));
  record::append(out, FMT_COMPILE(",\"job\":{},\"version\":{}"), j.job, j.version);
  append_optional(out, ",\"epoch\":", j.epoch);
  append_optional(out, ",\"request\":", j.request);
  append_text(out, ",\"kernel\":");
  append_string(out, j.kernel);
  append_text(out, ",\"key\":");
  if (j.key)
    record::append(out, FMT_COMPILE("{{\"seed\":{},\"purpose\":{},\"actor\":{},\"round\":{}}}"), j.key->seed,
                   j.key->purpose, j.key->actor, j.key->round);
  else
    append_text(out, "null");
  if (j.kind == "train") {
    append_text(out, ",\"left_out\":");
    append_list(out, j.left_out, [&](auto r) { record::append(out, FMT_COMPILE("{}"), r); });
    record::append(out, FMT_COMPILE(",\"batch_size\":{},\"epochs\":{},\"steps\":{},\"lr\":"), j.batch_size,
                   j.epochs, j.steps);
    append_number(out, j.lr.value_or(0));
    append_text(out, ",\"extras\":");
    append_string(out, j.extras);
  }
  append_text(out, ",\"rows\":");
  append_list(out, j.rows, [&](const data::IndicesPtr& set) {
    static const data::Indices none;
    append_list(out, set ? *set : none, [&](auto r) { record::append(out, FMT_COMPILE("{}"), r); });
  });
  append_text(out, "}\n");
  file_.drain();
}

}  // namespace afu::record
