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
  base::append_text(out, name);
  if (v)
    base::append(out, FMT_COMPILE("{}"), *v);
  else
    base::append_text(out, "null");
}

}  // namespace

void AuditLog::append(const AuditJob& j) {
  auto& out = file_.buffer();
  base::append_text(out, "{\"kind\":");
  base::append_string(out, j.kind);
  base::append_text(out, ",\"to\":");
  base::append_string(out, node_name(j.to));
  base::append(out, FMT_COMPILE(",\"job\":{},\"version\":{}"), j.job, j.version);
  append_optional(out, ",\"epoch\":", j.epoch);
  append_optional(out, ",\"request\":", j.request);
  base::append_text(out, ",\"kernel\":");
  base::append_string(out, j.kernel);
  base::append_text(out, ",\"key\":");
  if (j.key)
    base::append(out, FMT_COMPILE("{{\"seed\":{},\"purpose\":{},\"actor\":{},\"round\":{}}}"), j.key->seed,
                 j.key->purpose, j.key->actor, j.key->round);
  else
    base::append_text(out, "null");
  if (j.kind == "train") {
    base::append_text(out, ",\"left_out\":");
    append_list(out, j.left_out, [&](auto r) { base::append(out, FMT_COMPILE("{}"), r); });
    base::append(out, FMT_COMPILE(",\"batch_size\":{},\"epochs\":{},\"steps\":{},\"lr\":"), j.batch_size,
                 j.epochs, j.steps);
    base::append_number(out, j.lr.value_or(0));
    base::append_text(out, ",\"extras\":");
    base::append_string(out, j.extras);
  }
  base::append_text(out, ",\"rows\":");
  append_list(out, j.rows, [&](const base::IndicesPtr& set) {
    static const base::Indices none;
    append_list(out, set ? *set : none, [&](auto r) { base::append(out, FMT_COMPILE("{}"), r); });
  });
  base::append_text(out, "}\n");
  file_.drain();
}

}  // namespace afu::record
