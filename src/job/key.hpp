#pragma once
/// What a job computes, as a name.
#include <cstddef>
#include <string>

#include "base/sha256.hpp"
#include "job/job.hpp"

namespace afu::job {

/// Hashes values: vectors and rows by content, everything with its kind and its size, names not at all.
class HashSink final : public Sink {
 public:
  void name(const char*) override {}
  void flag(bool v) override { raw('f', v); }
  void integer(std::int64_t v) override { raw('i', v); }
  void real(double v) override { raw('r', v); }
  void text(const std::string& v) override;
  void vector(const model::ParametersPtr& v) override { text(model::sha256(v)); }
  void rows(const base::IndicesPtr& v) override;
  void key(const base::StreamKey& v) override;
  void null() override { raw('n', std::uint8_t{0}); }
  void open_list(std::size_t count) override { raw('l', count); }
  void open_fields() override { raw('s', std::uint8_t{0}); }
  void close() override { raw('e', std::uint8_t{0}); }

  void bytes(const void* data, std::size_t count) { sum_.update(data, count); }
  std::string finish() { return sum_.hex(); }  ///< SHA-256, hex

 private:
  template <class T>
  void raw(char kind, T value) {
    sum_.update(&kind, 1);
    sum_.update(&value, sizeof value);
  }

  base::Sha256 sum_;
};

/// SHA-256 (hex) over `surroundings` (lane::surroundings_key), the kind of the job and every field of it: two jobs of one
/// key have the same result. One pass over the vectors it names, on the calling thread.
std::string key_of(const std::string& surroundings, const Job& job);

}  // namespace afu::job
