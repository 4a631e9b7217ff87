#include "tests/model/support.hpp"

#include "model/parameters.hpp"

#include <stdexcept>

using namespace afu::model;

namespace {

ParametersPtr example() {
  auto layout = std::make_shared<Layout>();
  layout->parameters = {{"a.weight", {2, 3}, 0, 6}, {"a.bias", {}, 6, 1}};
  layout->buffers = {{"n.running_mean", {2}, 0, 2}};
  layout->parameter_count = 7;
  layout->buffer_count = 2;
  auto p = std::make_shared<ParameterVector>();
  p->layout = layout;
  p->values = torch::tensor({1.f, -2.f, 3.5f, 0.f, 1e-30f, 6.f, -7.25f});
  p->buffers = torch::tensor({0.25f, -1.f});
  return p;
}

}  // namespace

TEST_CASE("parameter vectors survive the way through bytes") {
  const auto p = example();
  const auto q = from_bytes(to_bytes(p));
  CHECK(*q->layout == *p->layout);
  CHECK(torch::equal(q->values, p->values));
  CHECK(torch::equal(q->buffers, p->buffers));
  CHECK(sha256(q) == sha256(p));
  CHECK(byte_size(p) == 9 * 4);
}

TEST_CASE("null is empty") {
  CHECK(to_bytes(nullptr).empty());
  CHECK(from_bytes({}) == nullptr);
  CHECK(sha256(nullptr).empty());
  CHECK(byte_size(nullptr) == 0);
}

TEST_CASE("a real network survives the way through bytes") {
  test::Loaded net(test::section("resnet18", "batch"), {3, 16, 16, 5});
  const auto q = from_bytes(to_bytes(net.start));
  CHECK(*q->layout == *net.layout);
  CHECK(torch::equal(q->values, net.start->values));
  CHECK(torch::equal(q->buffers, net.start->buffers));
}

TEST_CASE("damaged or truncated bytes are refused") {
  const auto good = to_bytes(example());
  for (std::size_t length = 1; length < good.size(); ++length) {
    CAPTURE(length);
    CHECK_THROWS_AS(from_bytes({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)}),
                    std::runtime_error);
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    CAPTURE(i);
    auto bad = good;
    bad[i] ^= 0x10;
    CHECK_THROWS_AS(from_bytes(bad), std::runtime_error);
  }
  auto longer = good;
  longer.push_back(0);
  CHECK_THROWS_AS(from_bytes(longer), std::runtime_error);
}

TEST_CASE("the hash is SHA-256 of the values' and buffers' bytes, and one bit changes it") {
  auto layout = std::make_shared<Layout>();
  layout->parameters = {{"w", {1}, 0, 1}};
  layout->parameter_count = 1;
  auto p = std::make_shared<ParameterVector>(ParameterVector{layout, torch::ones({1}), torch::empty({0})});
  // printf '\x00\x00\x80\x3f' | sha256sum
  CHECK(sha256(p) == "e00e5eb9444182f352323374ef4e08ebcb784725fdd4fd612d7730540b3e0c8c");
  const auto before = sha256(p);
  reinterpret_cast<std::uint32_t&>(*p->values.data_ptr<float>()) ^= 1u;
  CHECK(sha256(p) != before);

  auto q = std::const_pointer_cast<ParameterVector>(example());
  const auto with_buffers = sha256(q);
  q->buffers[1] = -1.5f;
  CHECK(sha256(q) != with_buffers);
}

TEST_CASE("strided tensors hash and serialise as their values") {
  auto p = std::const_pointer_cast<ParameterVector>(example());
  const auto hash = sha256(p);
  auto wide = torch::zeros({7, 2});
  wide.select(1, 0).copy_(p->values);
  p->values = wide.select(1, 0);
  REQUIRE_FALSE(p->values.is_contiguous());
  CHECK(sha256(p) == hash);
  CHECK(torch::equal(from_bytes(to_bytes(p))->values, p->values));
}

TEST_CASE("a vector that does not fit its layout is our own fault and says so") {
  auto p = std::const_pointer_cast<ParameterVector>(example());
  p->values = torch::zeros({6});
  CHECK_THROWS_AS(sha256(p), std::logic_error);
  p->values = torch::zeros({7}, torch::kFloat64);
  CHECK_THROWS_AS(to_bytes(p), std::logic_error);
}
