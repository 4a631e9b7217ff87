/// Elementary functions of our own: how far they are from the exact value, that their bits are everywhere the same,
/// and that nothing that decides a run's bytes asks <cmath> instead.
#include "base/elementary.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <regex>
#include <string>
#include <vector>

using namespace afu;
namespace fs = std::filesystem;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// In units of the last place of the exact value.
template <class Real>
double ulps(Real got, long double exact) {
  int e = 0;
  std::frexp(exact, &e);
  e = std::max(e, std::numeric_limits<Real>::min_exponent);
  const long double unit = std::ldexp(1.0L, e - std::numeric_limits<Real>::digits);
  return static_cast<double>(std::abs((static_cast<long double>(got) - exact) / unit));
}

struct Range {
  double from, to;
};

/// Evenly over a range, both ends among them, and what a range's order of magnitude hides: each power of two in it.
std::vector<double> grid(const Range& r, int count = 40000) {
  std::vector<double> all;
  for (int i = 0; i <= count; ++i) all.push_back(r.from + (r.to - r.from) * (static_cast<double>(i) / count));
  for (int e = -1060; e < 1024; ++e)
    for (const double m : {1.0, 1.2345678901234567, 1.9999999999999998})
      for (const double sign : {-1.0, 1.0})
        if (const double x = sign * std::ldexp(m, e); x >= r.from && x <= r.to) all.push_back(x);
  return all;
}

template <class Real, class Ours, class Exact>
double worst(const Range& r, Ours ours, Exact exact) {
  double most = 0;
  for (const double wide : grid(r)) {
    const auto x = static_cast<Real>(wide);
    const double off = ulps<Real>(ours(x), exact(static_cast<long double>(x)));
    CAPTURE(x);
    REQUIRE(off == off);
    most = std::max(most, off);
  }
  return most;
}

#define AFU_WORST(Real, name, from, to) \
  worst<Real>(                          \
      {from, to}, [](Real x) { return base::name(x); }, [](long double x) { return std::name(x); })

/// FNV-1a of the bits of what a function gives over a grid.
template <class Real, class Function>
std::uint64_t fingerprint(const Range& r, Function f) {
  std::uint64_t h = 0xcbf29ce484222325ull;
  for (const double x : grid(r, 3000)) {
    const Real y = f(static_cast<Real>(x));
    unsigned char bytes[sizeof y];
    std::memcpy(bytes, &y, sizeof y);
    for (const auto b : bytes) h = (h ^ b) * 0x100000001b3ull;
  }
  return h;
}
#define AFU_FINGERPRINT(Real, name, from, to) \
  fingerprint<Real>({from, to}, [](Real x) { return base::name(x); })

/// "src/a.cpp:3: std::exp(", of each call of the C library's or LibTorch's that has an own function, or should have.
std::vector<std::string> foreign_calls(const std::string& path, const std::string& text) {
  static const std::regex call(
      R"((std::|[^:\w]::)(exp|exp2|expm1|log|log1p|log2|log10|pow|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|hypot|cbrt|erf|erfc|lgamma|tgamma)[fl]?\()"
      R"(|(at::|torch::|\.)(exp2|expm1|log2|log10|pow|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|erf|erfc|erfinv|lgamma|gelu)_?\()");
  std::vector<std::string> found;
  std::size_t line = 1;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto row = text.substr(begin, end - begin);
    const auto code = row.substr(0, row.find("//"));
    std::smatch match;
    if (std::regex_search(code, match, call))
      found.push_back(path + ":" + std::to_string(line) + ": " + match.str());
    begin = end + 1;
  }
  return found;
}

}  // namespace

TEST_CASE("each function is as near to the exact value as its header says") {
  CHECK(AFU_WORST(double, exp, -745.0, 709.7) < 0.8);
  CHECK(AFU_WORST(double, exp, -1.0, 1.0) < 0.7);
  CHECK(AFU_WORST(double, log, 5e-324, 1e308) < 0.9);
  CHECK(AFU_WORST(double, log, 0.5, 2.0) < 0.9);
  CHECK(AFU_WORST(double, log1p, -0.999999, 100.0) < 0.9);
  CHECK(AFU_WORST(double, log1p, -1e-3, 1e-3) < 0.9);
  CHECK(AFU_WORST(double, tanh, -25.0, 25.0) < 2.5);
  CHECK(AFU_WORST(double, tanh, -1.0, 1.0) < 2.5);
  CHECK(AFU_WORST(double, sin, -7.0, 7.0) < 0.9);
  CHECK(AFU_WORST(double, cos, -7.0, 7.0) < 0.9);
  CHECK(AFU_WORST(double, sin, -1e6, 1e6) < 0.9);
  CHECK(AFU_WORST(double, cos, -1e6, 1e6) < 0.9);
  for (const double to : {-7.3, -1.0, -0.5, 1e-3, 0.5, 1.0, 2.0, 3.0, 100.0, 250.0}) {
    CAPTURE(to);
    CHECK(worst<double>(
              {0.06, 16}, [to](double x) { return base::pow(x, to); },
              [to](long double x) { return std::pow(x, static_cast<long double>(to)); }) < 0.7);
  }
  CHECK(worst<double>(
            {-1070, 1023}, [](double x) { return base::pow(2, x); },
            [](long double x) { return std::pow(2.0L, x); }) < 0.8);
}

TEST_CASE("floats are rounded right but for one in some thousands that lie halfway between two") {
  CHECK(AFU_WORST(float, exp, -103.0, 88.7) < 0.501);
  CHECK(AFU_WORST(float, exp, -1.0, 1.0) < 0.501);
  CHECK(AFU_WORST(float, log, 1e-45, 3e38) < 0.501);
  CHECK(AFU_WORST(float, log, 0.5, 2.0) < 0.501);
  CHECK(AFU_WORST(float, log1p, -0.999, 100.0) < 0.501);
  CHECK(AFU_WORST(float, tanh, -10.0, 10.0) < 0.501);
}

TEST_CASE("a power that is a double is that double") {
  for (int i = 0; i <= 20; ++i) {
    CHECK(base::pow(3, i) == std::round(std::pow(3.0, i)));
    CHECK(base::pow(i, 2) == i * i);
    CHECK(base::pow(i * i, 0.5) == i);
  }
  CHECK(base::pow(2, -1074) == std::numeric_limits<double>::denorm_min());
  CHECK(base::exp(0.0) == 1);
  CHECK(base::log(1.0) == 0);
  CHECK(base::cos(0.0) == 1);
}

TEST_CASE("zeros, infinities, what is no number and what is too large are as in the C library") {
  const auto same = [](auto a, auto b) {
    return (a != a && b != b) || (a == b && std::signbit(a) == std::signbit(b));
  };
  const std::vector<double> odd{0.0, -0.0, 1.0, -1.0, infinity, -infinity, kNan, 1e300, -1e300, 746, -750};
  for (const double x : odd) {
    CAPTURE(x);
    const auto f = static_cast<float>(x);
    if (x != x || std::isinf(x) || x == 0) {
      CHECK(same(base::exp(x), std::exp(x)));
      CHECK(same(base::log(x), std::log(x)));
      CHECK(same(base::log1p(x), std::log1p(x)));
      CHECK(same(base::tanh(x), std::tanh(x)));
      CHECK(same(base::exp(f), std::exp(f)));
      CHECK(same(base::log(f), std::log(f)));
      CHECK(same(base::log1p(f), std::log1p(f)));
      CHECK(same(base::tanh(f), std::tanh(f)));
      if (!std::isinf(x)) CHECK(same(base::sin(x), std::sin(x)));
    }
    for (const double y : odd)
      if (x >= 0 && (x == 0 || std::isinf(x) || x == 1 || y == 0 || std::isinf(y) || y != y)) {
        CAPTURE(y);
        CHECK(same(base::pow(std::abs(x), y), std::pow(std::abs(x), y)));
      }
  }
  CHECK(std::isnan(base::log(-1.0)));
  CHECK(std::isnan(base::log1p(-1.5)));
  CHECK(base::log1p(-1.0) == -infinity);
  CHECK(std::isnan(base::pow(-2, 2)));
  CHECK(std::isnan(base::sin(infinity)));
  CHECK(std::isnan(base::cos(1.1e6)));
  CHECK(base::log(5e-324) == std::log(5e-324));
  CHECK(base::log1p(5e-324) == 5e-324);
  CHECK(base::tanh(-1e300) == -1);
  CHECK(base::exp(5e-324) == 1);
  CHECK(base::exp(710.0) == infinity);
  CHECK(base::exp(-746.0) == 0);
  CHECK(base::exp(89.0f) == std::numeric_limits<float>::infinity());
  CHECK(base::exp(-104.0f) == 0);
  CHECK(base::pow(10, 400) == infinity);
  CHECK(base::pow(10, -400) == 0);
}

TEST_CASE("the bits are those that every other machine has") {
  const std::vector<std::uint64_t> found{
      AFU_FINGERPRINT(double, exp, -745.0, 709.0),
      AFU_FINGERPRINT(double, log, 5e-324, 1e308),
      AFU_FINGERPRINT(double, log1p, -0.99, 100.0),
      AFU_FINGERPRINT(double, tanh, -25.0, 25.0),
      AFU_FINGERPRINT(double, sin, -1000.0, 1000.0),
      AFU_FINGERPRINT(double, cos, -1000.0, 1000.0),
      AFU_FINGERPRINT(float, exp, -103.0, 88.7),
      AFU_FINGERPRINT(float, log, 1e-45, 3e38),
      AFU_FINGERPRINT(float, log1p, -0.99, 100.0),
      AFU_FINGERPRINT(float, tanh, -10.0, 10.0),
      fingerprint<double>({0.01, 100}, [](double x) { return base::pow(x, -1.7); })};
  const std::vector<std::uint64_t> expected{
      0x5bd45efa443bbd08ull, 0x12c59cd4db0c852bull, 0x71b3e2a02e1e67f5ull, 0x25decdef954e2668ull,
      0x656c186f9472607bull, 0x18c46494461257b0ull, 0xca45084058728c9dull, 0xc1f5c34bb6becbb0ull,
      0x335699b365eabc9aull, 0x9a5e46c1105d5079ull, 0xa0fea066694c7fa6ull};
  CHECK(found == expected);
}

TEST_CASE(
    "what decides a run's bytes asks no function of the C library, nor one of LibTorch's that is not ours") {
  // Reports, charts, the terminal and benches may; a report's statistics are Boost's as well.
  const std::vector<std::string> free{"bench", "cli", "figures", "page", "study"};
  // The mean of a distribution, which a run does not ask.
  const std::vector<std::string> allowed{"std::erfc("};
  const fs::path root = AFU_SOURCE_DIR;
  int files = 0;
  for (const auto& from : {root / "src", root / "actors"})
    for (const auto& e : fs::recursive_directory_iterator(from)) {
      const auto extension = e.path().extension();
      if (extension != ".hpp" && extension != ".cpp") continue;
      const auto path = fs::relative(e.path(), root).generic_string();
      if (std::any_of(free.begin(), free.end(),
                      [&](const auto& f) { return path.rfind("src/" + f + "/", 0) == 0; }))
        continue;
      ++files;
      std::ifstream in(e.path());
      for (const auto& found : foreign_calls(path, {std::istreambuf_iterator<char>(in), {}}))
        if (std::none_of(allowed.begin(), allowed.end(),
                         [&](const auto& a) { return found.find(a) != std::string::npos; }))
          FAIL_CHECK(found);
    }
  CHECK(files > 300);
}

TEST_CASE("a planted call of the C library is found") {
  CHECK(foreign_calls("a.cpp", "double x = std::sqrt(2);\n// std::exp(\ny = base::exp(x);\n").empty());
  CHECK(foreign_calls("a.cpp", "x;\ny = std::exp(x);\n") == std::vector<std::string>{"a.cpp:2: std::exp("});
  CHECK(foreign_calls("a.cpp", "auto t = at::erf(x);").size() == 1);
  CHECK(foreign_calls("a.cpp", "auto t = x.pow_(3);").size() == 1);
  CHECK(foreign_calls("a.cpp", "auto t = std::logf(x);").size() == 1);
  CHECK(foreign_calls("a.cpp", "auto t = x.exp() + x.log_softmax(1).tanh();").empty());
}
