#include "data/site_shift.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "config/sections/partition.hpp"
#include "data/units.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using data::Indices;
using data::SiteShift;

namespace {

/// `n` images of one channel, every pixel `value`.
data::Images flat(std::int64_t n, std::int64_t side, std::uint8_t value) {
  data::Images images;
  images.height = images.width = side;
  images.pixels.assign(static_cast<std::size_t>(n * side * side), value);
  images.labels.assign(static_cast<std::size_t>(n), 0);
  return images;
}

/// Something of every intensity.
data::Images mixed(std::int64_t n, std::int64_t side, std::int64_t channels = 1) {
  auto images = flat(n, side, 0);
  images.channels = channels;
  images.pixels.resize(static_cast<std::size_t>(n * side * side * channels));
  for (std::size_t i = 0; i < images.pixels.size(); ++i)
    images.pixels[i] = static_cast<std::uint8_t>((i * 37 + i / 11) % 256);
  return images;
}

config::SiteShiftSection all_kinds() {
  config::SiteShiftSection s;
  s.contrast = 0.5;
  s.noise = 0.1;
  s.bias_field = 0.4;
  s.resolution = 1.5;
  return s;
}

struct Moments {
  double mean = 0, deviation = 0;
};
Moments moments(const std::uint8_t* from, std::size_t n) {
  Moments m;
  for (std::size_t i = 0; i < n; ++i) m.mean += from[i] / static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) m.deviation += std::pow(from[i] - m.mean, 2) / static_cast<double>(n);
  m.deviation = std::sqrt(m.deviation);
  return m;
}

}  // namespace

TEST_CASE("strengths of 0 leave every bit as it is, and so does a shift of other rows") {
  const auto before = mixed(6, 12);
  auto images = before;
  for (const auto& site : data::draw_site_shifts({}, 5, 3)) {
    CHECK_FALSE(site.any());
    data::shift_rows(images, data::all_rows(6), site, 3);
  }
  CHECK(images.pixels == before.pixels);
  const auto sites = data::draw_site_shifts(all_kinds(), 2, 3);
  data::shift_rows(images, {1, 4}, sites[0], 3);
  for (std::int64_t r = 0; r < 6; ++r)
    CHECK(std::equal(images.pixels.begin() + r * 144, images.pixels.begin() + (r + 1) * 144,
                     before.pixels.begin() + r * 144) == (r != 1 && r != 4));
}

TEST_CASE("contrast is a gain and a gamma: black stays black, the rest is gain * x^gamma, kept in range") {
  SiteShift site;
  site.gamma = 2;
  site.gain = 1.5;
  for (const auto& [from, to] : {std::pair{0, 0}, {128, 96}, {200, 235}, {255, 255}}) {
    auto images = flat(1, 8, static_cast<std::uint8_t>(from));
    data::shift_rows(images, {0}, site, 1);
    CHECK(images.pixels == std::vector<std::uint8_t>(64, static_cast<std::uint8_t>(to)));
  }
}

TEST_CASE("noise has the site's deviation and no mean, and is another in each image") {
  SiteShift site;
  site.noise = 0.05;
  auto images = flat(2, 128, 128);
  data::shift_rows(images, {0, 1}, site, 1);
  const auto m = moments(images.pixels.data(), images.pixels.size());
  CHECK(m.mean == doctest::Approx(128).epsilon(0.002));
  CHECK(m.deviation == doctest::Approx(0.05 * 255).epsilon(0.02));
  CHECK_FALSE(
      std::equal(images.pixels.begin(), images.pixels.begin() + 16384, images.pixels.begin() + 16384));
}

TEST_CASE("the bias field is smooth, of mean 0 in logarithms, and as strong as the site drew it") {
  config::SiteShiftSection section;
  section.bias_field = 0.8;
  const auto sites = data::draw_site_shifts(section, 4, 9);
  for (const auto& site : sites) {
    CHECK(site.bias > 0);
    CHECK(site.bias <= 0.8);
    const auto field = data::bias_field(site, 32, 20);
    REQUIRE(field.size() == 640);
    double sum = 0, largest = 0, step = 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
      sum += std::log(field[i]);
      largest = std::max(largest, std::abs(std::log(field[i])));
      if (i % 20 != 0) step = std::max(step, std::abs(std::log(field[i] / field[i - 1])));
    }
    CHECK(sum == doctest::Approx(0).epsilon(1e-9));
    CHECK(largest == doctest::Approx(site.bias));
    CHECK(step < site.bias / 3);
  }
  auto images = flat(1, 16, 100);
  data::shift_rows(images, {0}, sites[0], 9);
  const auto field = data::bias_field(sites[0], 16, 16);
  for (std::size_t i = 0; i < field.size(); ++i)
    CHECK(images.pixels[i] == std::min(255L, std::lround(100 * field[i])));
}

TEST_CASE("the blur keeps the mean, spreads a point by the site's deviation and leaves a flat image alone") {
  SiteShift site;
  site.blur = 1.5;
  auto plain = flat(1, 16, 77);
  data::shift_rows(plain, {0}, site, 1);
  CHECK(plain.pixels == std::vector<std::uint8_t>(256, 77));

  auto images = flat(1, 41, 0);  // a bar of 9 x 9 in the middle: a point would be rounded away
  const auto at = [](int y, int x) { return static_cast<std::size_t>(y) * 41 + static_cast<std::size_t>(x); };
  for (int y = 16; y < 25; ++y)
    for (int x = 16; x < 25; ++x) images.pixels[at(y, x)] = 255;
  data::shift_rows(images, {0}, site, 1);
  double sum = 0, second = 0;
  for (int y = 0; y < 41; ++y)
    for (int x = 0; x < 41; ++x) {
      const double v = images.pixels[at(y, x)];
      sum += v;
      second += v * (x - 20) * (x - 20);
    }
  CHECK(sum == doctest::Approx(81 * 255).epsilon(0.002));
  CHECK(second / sum == doctest::Approx((81 - 1) / 12.0 + 1.5 * 1.5).epsilon(0.02));

  auto sharp = mixed(1, 32);
  const auto before = moments(sharp.pixels.data(), sharp.pixels.size());
  data::shift_rows(sharp, {0}, site, 1);
  CHECK(moments(sharp.pixels.data(), sharp.pixels.size()).deviation < before.deviation / 2);
}

TEST_CASE("every site draws its own, once, within the strengths; a strength does not move the others") {
  const auto sites = data::draw_site_shifts(all_kinds(), 30, 7);
  const auto again = data::draw_site_shifts(all_kinds(), 12, 7),
             other = data::draw_site_shifts(all_kinds(), 12, 8);
  auto fewer = all_kinds();
  fewer.noise = 0;
  const auto without = data::draw_site_shifts(fewer, 12, 7);
  double largest = 0;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const auto& s = sites[i];
    CHECK(std::abs(std::log2(s.gamma)) <= 0.5);
    CHECK(std::abs(s.gain - 1) <= 0.25);
    CHECK(s.noise <= 0.1);
    CHECK(s.bias <= 0.4);
    CHECK(s.blur <= 1.5);
    largest = std::max(largest, s.blur);
    for (std::size_t k = 0; k < i; ++k) {
      CHECK(s.gamma != sites[k].gamma);
      CHECK(s.gain != sites[k].gain);
      CHECK(s.noise != sites[k].noise);
      CHECK(s.waves != sites[k].waves);
      CHECK(s.blur != sites[k].blur);
    }
    if (i >= again.size()) continue;
    CHECK(s.gamma == again[i].gamma);  // however many sites there are
    CHECK(s.waves == again[i].waves);
    CHECK(s.noise == again[i].noise);
    CHECK(s.gamma != other[i].gamma);
    CHECK(without[i].noise == 0);
    CHECK(s.gamma == without[i].gamma);
    CHECK(s.waves == without[i].waves);
    CHECK(s.blur == without[i].blur);
  }
  CHECK(largest > 1);
}

TEST_CASE("an image's shift does not depend on what is shifted beside it; all channels pass") {
  const auto site = data::draw_site_shifts(all_kinds(), 1, 5).front();
  auto together = mixed(200, 10, 3), alone = together;
  data::shift_rows(together, data::all_rows(200), site, 5);
  for (std::int64_t r = 199; r >= 0; --r) data::shift_rows(alone, {r}, site, 5);
  CHECK(together.pixels == alone.pixels);
  const auto before = mixed(200, 10, 3);
  for (std::size_t c = 0; c < 3; ++c)
    CHECK_FALSE(std::equal(together.pixels.begin() + static_cast<std::ptrdiff_t>(c * 100),
                           together.pixels.begin() + static_cast<std::ptrdiff_t>(c * 100 + 100),
                           before.pixels.begin() + static_cast<std::ptrdiff_t>(c * 100)));
}

TEST_CASE("test images are divided evenly among the sites, class by class, and subjects stay together") {
  auto images = flat(60, 8, 0);
  for (std::int64_t i = 0; i < 60; ++i) images.labels[static_cast<std::size_t>(i)] = i % 3;
  const auto rows = data::all_rows(60);
  const auto parts = data::deal_to_sites(rows, images, 4, 2);
  Indices all;
  for (const auto& part : parts) {
    CHECK(std::is_sorted(part.begin(), part.end()));
    for (std::int64_t c = 0; c < 3; ++c)
      CHECK(std::count_if(part.begin(), part.end(), [&](auto r) { return r % 3 == c; }) == 5);
    all.insert(all.end(), part.begin(), part.end());
  }
  std::sort(all.begin(), all.end());
  CHECK(all == rows);
  CHECK(parts == data::deal_to_sites(rows, images, 4, 2));
  CHECK(parts != data::deal_to_sites(rows, images, 4, 3));

  for (std::int64_t i = 0; i < 60; ++i) images.subjects.push_back(i / 5);
  std::vector<std::size_t> site_of(12, 9);
  const auto whole = data::deal_to_sites(rows, images, 4, 2);
  for (std::size_t p = 0; p < 4; ++p) {
    CHECK(whole[p].size() == 15);
    for (auto r : whole[p]) {
      auto& site = site_of[static_cast<std::size_t>(r / 5)];
      CHECK((site == 9 || site == p));
      site = p;
    }
  }
}
