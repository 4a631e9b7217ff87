#include "sim/distribution.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/csv.hpp"
#include "config/distribution.hpp"
#include "config/sections/distribution.hpp"
#include "tests/base/temporary_file.hpp"

using namespace afu::base;
using namespace afu;
using namespace afu::sim;
using afu::config::Distribution;

namespace {

Distribution of(const std::string& kind, const std::map<std::string, double>& changed = {}) {
  Distribution d{kind, {}, ""};
  for (const auto& o : config::distribution_parameters(kind))
    d.parameters[o.name] = std::get<double>(o.fallback);
  for (const auto& [name, v] : changed) d.parameters[name] = v;
  return d;
}

std::vector<double> draws(const Sampler& sampler, int n) {
  Stream s({1, purpose("distribution"), 0, 0});
  std::vector<double> out;
  for (int i = 0; i < n; ++i) out.push_back(sampler.draw(s, static_cast<std::uint64_t>(i)));
  return out;
}

double mean_of(const std::vector<double>& v) {
  double sum = 0;
  for (double x : v) sum += x;
  return sum / static_cast<double>(v.size());
}

double share_below(const std::vector<double>& v, double x) {
  return static_cast<double>(std::count_if(v.begin(), v.end(), [&](double y) { return y < x; })) /
         static_cast<double>(v.size());
}

}  // namespace

TEST_CASE("every kind is declared with valid defaults") {
  CHECK(config::distribution_kinds() == std::vector<std::string>{"constant", "uniform", "normal", "lognormal",
                                                                 "exponential", "pareto", "zipf", "trace"});
  for (const auto& kind : config::distribution_kinds()) {
    CAPTURE(kind);
    CHECK_FALSE(config::distribution_help(kind).empty());
    auto d = of(kind);
    if (kind == "trace") d.path = "x.csv";
    CHECK(config::distribution_error(d) == "");
    for (const auto& o : config::distribution_parameters(kind)) CHECK_FALSE(o.help.empty());
  }
  CHECK(config::distribution_error(Distribution{}) == "");
  CHECK_THROWS_WITH_AS(config::distribution_parameters("cauchy"),
                       doctest::Contains("allowed: constant, uniform"), std::invalid_argument);
}

TEST_CASE("wrong parameters are refused with a reason") {
  auto wrong = [](const std::string& kind, const std::map<std::string, double>& p) {
    auto d = of(kind, p);
    CHECK_THROWS_AS(Sampler{d}, std::invalid_argument);
    return config::distribution_error(d);
  };
  CHECK(wrong("uniform", {{"min", 2}, {"max", 1}}) == "max is 1, allowed: at least min, which is 2");
  CHECK(wrong("lognormal", {{"median", 0}}) == "median is 0, allowed: a finite number > 0 and <= 1e+12");
  CHECK(wrong("lognormal", {{"mu", 0}}) == "'mu' is no parameter of the distribution lognormal");
  CHECK(wrong("normal", {{"mean", 0}, {"sd", 0}}) == "mean and sd are 0, allowed: one of them positive");
  CHECK(wrong("pareto", {{"scale", 3}, {"cap", 2}}) == "cap is 2, allowed: 0, or at least scale, which is 3");
  CHECK(wrong("zipf", {{"max", 2.5}}) == "max is 2.5, allowed: a whole number");
  CHECK(wrong("zipf", {{"max", 2e6}}) == "max is 2e+06, allowed: a finite number >= 1 and <= 1e+06");
  CHECK(wrong("constant", {{"value", std::nan("")}}) ==
        "value is nan, allowed: a finite number >= 0 and <= 1e+12");
  Distribution d{"exponential", {}, ""};
  CHECK(config::distribution_error(d) == "the distribution exponential lacks its parameter 'mean'");
  CHECK(config::distribution_error({"trace", {}, ""}) == "the distribution trace lacks its path");
  d = of("constant");
  d.path = "x.csv";
  CHECK(config::distribution_error(d) == "the distribution constant takes no path");
  d.kind = "gauss";
  CHECK_THROWS_WITH_AS(Sampler{d}, doctest::Contains("distribution is 'gauss'"), std::invalid_argument);
}

TEST_CASE("samples agree with the mean that is told") {
  constexpr int n = 200000;
  for (const auto& d :
       {of("constant", {{"value", 3}}), of("uniform", {{"min", 2}, {"max", 6}}),
        of("normal", {{"mean", 2}, {"sd", 1}}), of("normal", {{"mean", 0}, {"sd", 1}}),
        of("lognormal", {{"median", 2}, {"sigma", 0.5}}), of("exponential", {{"mean", 3}}),
        of("pareto", {{"scale", 2}, {"shape", 4}}), of("pareto", {{"scale", 1}, {"shape", 1}, {"cap", 30}}),
        of("pareto", {{"scale", 1}, {"shape", 0.7}, {"cap", 30}}),
        of("zipf", {{"exponent", 1.5}, {"max", 50}}), of("zipf", {{"exponent", 0}, {"max", 9}})}) {
    CAPTURE(d.kind);
    Sampler s(d);
    auto values = draws(s, n);
    REQUIRE(s.mean());
    CHECK(mean_of(values) == doctest::Approx(*s.mean()).epsilon(0.02));
    CHECK(*std::min_element(values.begin(), values.end()) > 0);
  }
  CHECK_FALSE(Sampler(of("pareto", {{"shape", 1}})).mean());
  CHECK(*Sampler(of("normal", {{"mean", 0}, {"sd", 1}})).mean() ==
        doctest::Approx(std::sqrt(2 / 3.14159265358979)));
}

TEST_CASE("samples follow the distribution functions") {
  constexpr int n = 100000;
  auto u = draws(Sampler(of("uniform", {{"min", 2}, {"max", 6}})), n);
  CHECK(share_below(u, 3) == doctest::Approx(0.25).epsilon(0.03));
  CHECK(*std::max_element(u.begin(), u.end()) < 6);

  auto l = draws(Sampler(of("lognormal", {{"median", 2}, {"sigma", 0.5}})), n);
  CHECK(share_below(l, 2) == doctest::Approx(0.5).epsilon(0.02));
  CHECK(share_below(l, 2 * std::exp(0.5)) == doctest::Approx(0.8413).epsilon(0.01));

  auto e = draws(Sampler(of("exponential", {{"mean", 3}})), n);
  CHECK(share_below(e, 3) == doctest::Approx(1 - std::exp(-1)).epsilon(0.01));

  auto p = draws(Sampler(of("pareto", {{"scale", 2}, {"shape", 1.5}, {"cap", 20}})), n);
  CHECK(share_below(p, 4) == doctest::Approx(1 - std::pow(0.5, 1.5)).epsilon(0.02));
  CHECK(*std::max_element(p.begin(), p.end()) == 20);
  CHECK(1 - share_below(p, 20) == doctest::Approx(std::pow(0.1, 1.5)).epsilon(0.1));

  auto z = draws(Sampler(of("zipf", {{"exponent", 2}, {"max", 3}})), n);  // weights 1, 1/4, 1/9
  CHECK(share_below(z, 1.5) == doctest::Approx(36.0 / 49).epsilon(0.01));
  CHECK(share_below(z, 2.5) == doctest::Approx(45.0 / 49).epsilon(0.01));
  CHECK(*std::max_element(z.begin(), z.end()) == 3);
}

TEST_CASE("what is constant says so") {
  CHECK(Sampler(of("constant", {{"value", 3}})).constant() == 3);
  CHECK(Sampler(of("uniform", {{"min", 2}, {"max", 2}})).constant() == 2);
  CHECK(Sampler(of("lognormal", {{"median", 2}, {"sigma", 0}})).constant() == 2);
  CHECK(Sampler(of("zipf", {{"max", 1}})).constant() == 1);
  CHECK_FALSE(Sampler(of("uniform")).constant());
  CHECK_FALSE(Sampler(of("exponential")).constant());
}

TEST_CASE("a trace is replayed by index, from the scenario's folder") {
  TemporaryFile file("# seconds\nvalue\n1.5\n\n2\r\n 4e0 \n");
  Distribution d{"trace", {}, "trace.csv"};
  Sampler s(d, (file.folder / "scenario.toml").string());
  Stream stream({1, 2, 3, 4}), untouched({1, 2, 3, 4});
  CHECK(s.draw(stream, 0) == 1.5);
  CHECK(s.draw(stream, 2) == 4);
  CHECK(s.draw(stream, 4) == 2);
  CHECK(s.mean() == 2.5);
  CHECK(stream.next_u64() == untouched.next_u64());

  d.path = file.path.string();
  CHECK(Sampler(d, "elsewhere/scenario.toml").mean() == 2.5);
}

TEST_CASE("a bad trace is refused with file and line") {
  auto refused = [](const std::string& text, const std::string& reason) {
    TemporaryFile file(text);
    CHECK_THROWS_WITH_AS(Sampler({"trace", {}, file.path.string()}), (file.path.string() + reason).c_str(),
                         std::runtime_error);
  };
  refused("value\n1\nfast\n", ":3: value is 'fast', allowed: a finite number >= 0");
  refused("1\n-2\n", ":2: value is '-2', allowed: a finite number >= 0");
  refused("1\ninf\n", ":2: value is 'inf', allowed: a finite number >= 0");
  refused("1\n2x\n", ":2: value is '2x', allowed: a finite number >= 0");
  refused("1,2\n", ":1: has 2 columns, wanted 1 (value)");
  refused("seconds\n1\n", ":1: value is 'seconds', allowed: a finite number >= 0");
  refused("1\nvalue\n", ":2: value is 'value', allowed: a finite number >= 0");
  refused("value\n\n", ": holds no rows, wanted columns value");
  CHECK_THROWS_WITH_AS(read_csv("/dev/zero", {"value"}), doctest::Contains("a pipe or a device"),
                       std::runtime_error);
  TemporaryFile file("1");
  CHECK_THROWS_WITH_AS(Sampler({"trace", {}, "absent.csv"}, (file.folder / "s.toml").string()),
                       doctest::Contains("absent.csv: no such file"), std::runtime_error);
  CHECK_THROWS_WITH_AS(read_csv(file.folder.string(), {"value"}), doctest::Contains("is a folder"),
                       std::runtime_error);
}
