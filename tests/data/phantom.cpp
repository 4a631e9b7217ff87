#include "data/phantom.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "config/sections/data.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

/// Share of correct answers of a multinomial logistic regression on the pixels, trained by full-batch
/// gradient steps.
struct Accuracy {
  double train, test;
};
Accuracy logistic_regression(const data::Images& train, const data::Images& test, std::int64_t classes) {
  const auto d = static_cast<std::size_t>(train.image_bytes()), k = static_cast<std::size_t>(classes);
  std::vector<float> w(k * (d + 1), 0), step(w.size());
  const auto scores = [&](const data::Images& im, std::size_t row) {
    const auto* x = im.pixels.data() + row * d;
    std::vector<float> z(k);
    for (std::size_t c = 0; c < k; ++c) {
      const auto* wc = w.data() + c * (d + 1);
      z[c] = wc[d];
      for (std::size_t p = 0; p < d; ++p) z[c] += wc[p] * (static_cast<float>(x[p]) / 255.0f - 0.3f);
    }
    return z;
  };
  const auto accuracy = [&](const data::Images& im) {
    std::int64_t right = 0;
    for (std::size_t i = 0; i < im.labels.size(); ++i) {
      const auto z = scores(im, i);
      right += std::max_element(z.begin(), z.end()) - z.begin() == im.labels[i];
    }
    return static_cast<double>(right) / static_cast<double>(im.size());
  };
  for (int epoch = 0; epoch < 40; ++epoch) {
    std::fill(step.begin(), step.end(), 0.0f);
    for (std::size_t i = 0; i < train.labels.size(); ++i) {
      auto z = scores(train, i);
      const float top = *std::max_element(z.begin(), z.end());
      float sum = 0;
      for (auto& v : z) sum += v = std::exp(v - top);
      const auto* x = train.pixels.data() + i * d;
      for (std::size_t c = 0; c < k; ++c) {
        const float g = z[c] / sum - (static_cast<std::size_t>(train.labels[i]) == c ? 1.0f : 0.0f);
        for (std::size_t p = 0; p < d; ++p)
          step[c * (d + 1) + p] += g * (static_cast<float>(x[p]) / 255.0f - 0.3f);
        step[c * (d + 1) + d] += g;
      }
    }
    for (std::size_t j = 0; j < w.size(); ++j) w[j] -= 0.3f * step[j] / static_cast<float>(train.size());
  }
  return {accuracy(train), accuracy(test)};
}

}  // namespace

TEST_CASE("an image depends on nothing but section, seed, split and index") {
  config::DataSection s;
  const auto a = data::make_phantoms(50, 0, s, 7), more = data::make_phantoms(80, 0, s, 7);
  CHECK(std::equal(a.pixels.begin(), a.pixels.end(), more.pixels.begin()));
  CHECK(a.pixels != data::make_phantoms(50, 0, s, 8).pixels);
  CHECK(a.pixels != data::make_phantoms(50, 1, s, 7).pixels);
}

TEST_CASE("every size, channel count and class count") {
  for (std::int64_t side : {8, 28, 65})
    for (std::int64_t channels : {1, 3})
      for (std::int64_t classes : {2, 10}) {
        config::DataSection s;
        s.image_size = side;
        s.channels = channels;
        s.classes = classes;
        const auto im = data::make_phantoms(20, 2, s, 1);
        CHECK(im.pixels.size() == static_cast<std::size_t>(20 * channels * side * side));
        CHECK(*std::max_element(im.labels.begin(), im.labels.end()) == classes - 1);
        // No image is flat, and no two are the same.
        for (std::int64_t i = 0; i < 20; ++i) {
          const auto from = im.pixels.begin() + i * im.image_bytes();
          CHECK(*std::max_element(from, from + im.image_bytes()) >
                *std::min_element(from, from + im.image_bytes()) + 60);
          if (i > 0) CHECK_FALSE(std::equal(from, from + im.image_bytes(), from - im.image_bytes()));
        }
      }
}

TEST_CASE("the source has the asked sizes, at most the limit in train") {
  config::DataSection s;
  s.limit = 90;
  s.val_samples = 0;
  const auto source = data::make_phantom_source(s, 1);
  CHECK(source.train.size() == 90);
  CHECK(source.val.size() == 0);
  CHECK(source.test.size() == 800);
  CHECK(source.classes() == 4);
  CHECK(source.class_names[1] == "nodule");
}

TEST_CASE("values outside their range are refused") {
  const auto what = [](auto change) {
    config::DataSection s;
    change(s);
    return message_of<data::DataError>([&] { data::make_phantoms(1, 0, s, 1); });
  };
  CHECK(contains(what([](auto& s) { s.classes = 11; }), "data.classes: value is 11, allowed 2 to 10"));
  CHECK(contains(what([](auto& s) { s.image_size = 7; }), "data.image_size: value is 7"));
  CHECK(contains(what([](auto& s) { s.channels = 2; }), "data.channels: value is 2"));
  CHECK(contains(what([](auto& s) { s.difficulty = 1.5; }), "data.difficulty: value is 1.5"));
}

TEST_CASE("a linear model learns something, memorises more, and finds it harder with difficulty") {
  config::DataSection s;
  s.image_size = 20;
  s.train_samples = 600;
  s.test_samples = 400;
  std::vector<double> test;
  for (double d : {0.0, 0.5, 1.0}) {
    s.difficulty = d;
    const auto source = data::make_phantom_source(s, 1);
    const auto a = logistic_regression(source.train, source.test, source.classes());
    MESSAGE("difficulty " << d << ": train " << a.train << ", test " << a.test);
    CHECK(a.train > a.test);
    test.push_back(a.test);
  }
  CHECK(test[0] < 0.9);
  CHECK(test[1] > 0.3);  // chance is 0.25
  CHECK(test[1] < 0.75);
  CHECK(test[0] > test[1] + 0.05);
  CHECK(test[1] > test[2]);
}
