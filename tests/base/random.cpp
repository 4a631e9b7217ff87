#include "base/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

using namespace afu::base;
using Block = std::array<std::uint32_t, 4>;

namespace {

struct Moments {
  double mean = 0, variance = 0, low = 0, high = 0;
};

template <class Draw>
Moments moments(int n, Draw draw) {
  double sum = 0, squares = 0, low = 1e300, high = -1e300;
  for (int i = 0; i < n; ++i) {
    double x = draw();
    sum += x;
    squares += x * x;
    low = std::min(low, x);
    high = std::max(high, x);
  }
  double mean = sum / n;
  return {mean, squares / n - mean * mean, low, high};
}

}  // namespace

TEST_CASE("Philox 4x32-10 gives the known answers of Random123") {
  CHECK(philox4x32_10({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(philox4x32_10({ones, ones, ones, ones}, {ones, ones}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a stream depends on every part of its key and on nothing else") {
  StreamKey key{7, purpose("jitter"), 3, 4};
  Stream a(key), b(key);
  for (int i = 0; i < 100; ++i) CHECK(a.next_u64() == b.next_u64());

  std::set<std::uint64_t> first;
  for (auto k : {StreamKey{7, purpose("jitter"), 3, 4}, StreamKey{8, purpose("jitter"), 3, 4},
                 StreamKey{7, purpose("loss"), 3, 4}, StreamKey{7, purpose("jitter"), 4, 3},
                 StreamKey{7, purpose("jitter"), 3, 5}, StreamKey{7, purpose("jitter"), 4, 4}})
    first.insert(Stream(k).next_u64());
  CHECK(first.size() == 6);
}

TEST_CASE("numbers are pinned: results of old runs stay reproducible") {
  Stream s({1, purpose("pin"), 2, 3});
  // From an independent implementation in Python, of the key's hash as well.
  for (auto expected :
       {0x1874a789fc253a30ull, 0x7d57c4dc679dfefeull, 0xd88a34f19b7c736cull, 0x7c06b0af9542e1f1ull})
    CHECK(s.next_u64() == expected);
}

TEST_CASE("neighbouring streams are uncorrelated") {
  constexpr int n = 100000;
  double sum = 0, sum_squares = 0, products = 0, previous = 0;
  for (int actor = 0; actor < n; ++actor) {
    double x = Stream({1, purpose("independence"), static_cast<std::uint64_t>(actor), 0}).uniform() - 0.5;
    sum += x;
    sum_squares += x * x;
    products += x * previous;
    previous = x;
  }
  CHECK(std::abs(sum / n) < 0.004);  // 4 standard errors
  CHECK(std::abs(sum_squares / n - 1.0 / 12) < 0.001);
  CHECK(std::abs(products / sum_squares) < 0.0127);
}

TEST_CASE("moments of the elementary variates") {
  constexpr int n = 200000;
  Stream s({1, purpose("moments"), 0, 0});
  auto u = moments(n, [&] { return s.uniform(); });
  CHECK(u.mean == doctest::Approx(0.5).epsilon(0.006));
  CHECK(u.variance == doctest::Approx(1.0 / 12).epsilon(0.01));
  CHECK(u.low >= 0);
  CHECK(u.high < 1);

  auto z = moments(n, [&] { return s.normal(); });
  CHECK(std::abs(z.mean) < 0.01);
  CHECK(z.variance == doctest::Approx(1).epsilon(0.015));

  auto e = moments(n, [&] { return s.exponential(); });
  CHECK(e.mean == doctest::Approx(1).epsilon(0.01));
  CHECK(e.variance == doctest::Approx(1).epsilon(0.04));
  CHECK(e.low > 0);

  for (double shape : {0.3, 1.0, 4.5}) {
    CAPTURE(shape);
    auto g = moments(n, [&] { return s.gamma(shape); });
    CHECK(g.mean == doctest::Approx(shape).epsilon(0.02));
    CHECK(g.variance == doctest::Approx(shape).epsilon(0.05));
  }
}

TEST_CASE("a tiny gamma shape does not underflow in logs") {
  // E[log Gamma(a)] is the digamma function; near 0 it is -1/a - 0.5772.
  Stream s({1, purpose("log_gamma"), 0, 0});
  auto l = moments(100000, [&] { return s.log_gamma_variate(0.001); });
  CHECK(std::isfinite(l.low));
  CHECK(l.mean == doctest::Approx(-1000.575).epsilon(0.015));
}

TEST_CASE("below is uniform, also beyond 32 bits") {
  Stream s({1, purpose("below"), 0, 0});
  std::vector<int> count(7);
  for (int i = 0; i < 70000; ++i) ++count[s.below(7)];
  double chi2 = 0;
  for (int c : count) chi2 += (c - 10000.0) * (c - 10000.0) / 10000.0;
  CHECK(chi2 < 22.46);  // 0.999 quantile at 6 degrees of freedom
  CHECK(s.below(1) == 0);

  std::uint64_t n = 3ull << 61;  // a quarter of all 64-bit numbers must be rejected
  int upper = 0;
  for (int i = 0; i < 30000; ++i) {
    auto r = s.below(n);
    REQUIRE(r < n);
    upper += r >= n / 2;
  }
  CHECK(std::abs(upper - 15000) < 350);
}

TEST_CASE("shuffle is a permutation and reaches every order") {
  std::set<std::vector<int>> orders;
  for (std::uint64_t i = 0; i < 500; ++i) {
    std::vector<int> v{0, 1, 2, 3};
    Stream s({1, purpose("shuffle"), i, 0});
    shuffle(v, s);
    orders.insert(v);
    std::sort(v.begin(), v.end());
    CHECK(v == std::vector<int>{0, 1, 2, 3});
  }
  CHECK(orders.size() == 24);
}
