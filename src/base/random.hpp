#pragma once
/// Named random streams: every generator is derived from (seed, purpose, actor, round), counter-based, never
/// shared. The same numbers on every platform: no std:: distribution is used.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace afu::base {

/// Names one stream. Plain data: a job or a log can hold it.
struct StreamKey {
  std::uint64_t seed = 0;
  std::uint64_t purpose = 0;  ///< purpose("jitter")
  std::uint64_t actor = 0;
  std::uint64_t round = 0;
};

/// FNV-1a of a name: the purpose part of a key.
constexpr std::uint64_t purpose(std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325ull;
  for (char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return h;
}

/// The block function of Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC
/// 2011).
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key);

/// Philox 4x32-10 from block 0. All four parts of the key are hashed into 128 bits: the 64-bit Philox key and
/// the upper half of the counter; the lower half counts the blocks of the stream.
class Stream {
 public:
  explicit Stream(const StreamKey& key);
  std::uint32_t next_u32();
  std::uint64_t next_u64();
  double uniform();                        ///< [0, 1)
  double uniform_open();                   ///< (0, 1)
  std::uint64_t below(std::uint64_t n);    ///< [0, n), unbiased; n > 0
  double normal();                         ///< mean 0, deviation 1
  double exponential();                    ///< mean 1
  double gamma(double shape);              ///< scale 1; any shape > 0 (small shapes in logs)
  double log_gamma_variate(double shape);  ///< log of a gamma variate: no underflow for tiny shapes

 private:
  void refill();
  std::uint32_t key_[2];
  std::uint32_t counter_[4];
  std::uint32_t block_[4];
  int used_ = 4;
  double spare_ = 0;
  bool has_spare_ = false;
};

/// In-place Fisher-Yates with `s`.
template <class Vector>
void shuffle(Vector& v, Stream& s) {
  for (std::size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[s.below(i)]);
}

}  // namespace afu::base
