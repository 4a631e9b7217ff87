#include "job/key.hpp"

namespace afu::job {

void HashSink::text(const std::string& v) {
  raw('t', v.size());
  sum_.update(v.data(), v.size());
}

void HashSink::rows(const base::IndicesPtr& v) {
  raw('x', v != nullptr);
  if (!v) return;
  raw('c', v->size());
  sum_.update(v->data(), v->size() * sizeof(base::Indices::value_type));
}

void HashSink::key(const base::StreamKey& v) {
  const auto& [seed, purpose, actor, round] = v;
  raw('k', seed), raw('k', purpose), raw('k', actor), raw('k', round);
}

std::string key_of(const std::string& surroundings, const Job& job) {
  HashSink sink;
  sink.text(surroundings);
  sink.text(job.name());
  job.put(sink);
  return sink.finish();
}

}  // namespace afu::job
