#pragma once
/// Values with a listing of their fields as bytes, for messages that leave the process, and back: CBOR, and then the
/// SHA-256 of that (32 bytes), so that bytes which were cut or changed on their way are an error.
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "job/job.hpp"

namespace afu::job {

using Bytes = std::vector<std::uint8_t>;

/// What `write` puts, one value.
Bytes written(const std::function<void(Sink&)>& write);
/// Has `take` read one value. Throws std::runtime_error, naming `what`, for bytes that are no such value.
void read(const Bytes& bytes, const char* what, const std::function<void(Source&)>& take);

/// Null <-> empty. from_bytes throws as `read` does.
template <class T>
Bytes to_bytes(const std::shared_ptr<const T>& value) {
  return value ? written([&](Sink& to) { put(to, *value); }) : Bytes{};
}
template <class T>
void from_bytes(const Bytes& bytes, std::shared_ptr<const T>& value) {
  value.reset();
  if (bytes.empty()) return;
  auto read_value = std::make_shared<T>();
  read(bytes, T::name, [&](Source& from) { take(from, *read_value); });
  value = std::move(read_value);
}

/// With the name of its kind, by which one of `types` reads it again.
Bytes to_bytes(const Job& job);
/// Throws std::runtime_error for bytes that are no job of one of `types`.
Job job_from_bytes(const Bytes& bytes, const std::vector<JobType>& types);

}  // namespace afu::job
