#include "base/random.hpp"

#include <cmath>

#include "base/elementary.hpp"

namespace afu::base {

namespace {

/// splitmix64's output function (Steele, Lea, Flood 2014): a bijection of 64 bits.
constexpr std::uint64_t mix(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

constexpr std::uint64_t hash(const StreamKey& k, std::uint64_t start) {
  return mix(mix(mix(mix(start ^ k.seed) ^ k.purpose) ^ k.actor) ^ k.round);
}

constexpr std::uint32_t low(std::uint64_t v) { return static_cast<std::uint32_t>(v); }
constexpr std::uint32_t high(std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); }

}  // namespace

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0];
    std::uint64_t b = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {high(b) ^ c[1] ^ k[0], low(b), high(a) ^ c[3] ^ k[1], low(a)};
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c;
}

Stream::Stream(const StreamKey& key) {
  // The two starts are the fractional digits of pi: any two different constants would do.
  std::uint64_t k = hash(key, 0x243f6a8885a308d3ull);
  std::uint64_t c = hash(key, 0x13198a2e03707344ull);
  key_[0] = low(k);
  key_[1] = high(k);
  counter_[0] = counter_[1] = 0;
  counter_[2] = low(c);
  counter_[3] = high(c);
}

void Stream::refill() {
  auto out = philox4x32_10({counter_[0], counter_[1], counter_[2], counter_[3]}, {key_[0], key_[1]});
  for (int i = 0; i < 4; ++i) block_[i] = out[i];
  if (++counter_[0] == 0) ++counter_[1];
  used_ = 0;
}

std::uint32_t Stream::next_u32() {
  if (used_ == 4) refill();
  return block_[used_++];
}

std::uint64_t Stream::next_u64() {
  std::uint64_t first = next_u32();
  return first | std::uint64_t{next_u32()} << 32;
}

double Stream::uniform() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }

// 52 bits and a half: the midpoint of the last cell is still below 1 in double precision.
double Stream::uniform_open() { return (static_cast<double>(next_u64() >> 12) + 0.5) * 0x1p-52; }

std::uint64_t Stream::below(std::uint64_t n) {
  if (n <= 0xffffffffull) {
    // Lemire, "Fast random integer generation in an interval", 2019.
    auto bound = static_cast<std::uint32_t>(n);
    std::uint64_t product = std::uint64_t{next_u32()} * bound;
    if (low(product) < bound) {
      std::uint32_t threshold = (0u - bound) % bound;
      while (low(product) < threshold) product = std::uint64_t{next_u32()} * bound;
    }
    return product >> 32;
  }
  std::uint64_t threshold = (0 - n) % n;
  std::uint64_t r = next_u64();
  while (r < threshold) r = next_u64();
  return r % n;
}

/// Marsaglia's polar method: no trigonometric function, so fewer differences between C libraries.
double Stream::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  double u, v, s;
  do {
    u = 2 * uniform() - 1;
    v = 2 * uniform() - 1;
    s = u * u + v * v;
  } while (s >= 1 || s == 0);
  double factor = std::sqrt(-2 * base::log(s) / s);
  spare_ = v * factor;
  has_spare_ = true;
  return u * factor;
}

double Stream::exponential() { return -base::log(uniform_open()); }

double Stream::gamma(double shape) {
  if (shape < 1) return base::exp(log_gamma_variate(shape));
  // Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.
  double d = shape - 1.0 / 3.0;
  double c = 1 / std::sqrt(9 * d);
  for (;;) {
    double x = normal();
    double v = 1 + c * x;
    if (v <= 0) continue;
    v = v * v * v;
    double u = uniform_open();
    if (base::log(u) < 0.5 * x * x + d * (1 - v + base::log(v))) return d * v;
  }
}

double Stream::log_gamma_variate(double shape) {
  if (shape >= 1) return base::log(gamma(shape));
  double boosted = base::log(gamma(shape + 1));
  return boosted + base::log(uniform_open()) / shape;
}

}  // namespace afu::base
