#include "model/parameters.hpp"

#include <ATen/Functions.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "base/sha256.hpp"

namespace afu::model {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "serialised parameters are little-endian float32");

// The format: magic, u32 version, u32 parameter slots, u32 buffer slots, then a slot each: u32 length, name,
// u32 dimensions, i64 each; then the values and the buffers as float32; last the SHA-256 of all that.
constexpr char kMagic[4] = {'A', 'F', 'U', 'P'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kDigest = base::Sha256::size;

/// The tensor's elements in CPU memory, checked against the layout's count.
torch::Tensor on_cpu(const torch::Tensor& t, std::int64_t count, const char* what) {
  const bool fits = t.defined() ? t.scalar_type() == torch::kFloat32 && t.numel() == count : count == 0;
  if (!fits)
    throw std::logic_error(std::string("the ") + what + " of a parameter vector do not fit its layout");
  return t.defined() ? t.detach().to(torch::kCPU).contiguous() : torch::empty({0}, torch::kFloat32);
}

std::size_t float_bytes(std::int64_t count) { return static_cast<std::size_t>(count) * sizeof(float); }

class Writer {
 public:
  explicit Writer(std::size_t reserve) { bytes_.reserve(reserve); }
  void raw(const void* data, std::size_t n) {
    const auto* p = static_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), p, p + n);
  }
  template <class T>
  void number(T value) {
    raw(&value, sizeof value);
  }
  void slots(const std::vector<Slot>& slots) {
    for (const auto& s : slots) {
      number(static_cast<std::uint32_t>(s.name.size()));
      raw(s.name.data(), s.name.size());
      number(static_cast<std::uint32_t>(s.shape.size()));
      for (auto d : s.shape) number(d);
    }
  }
  std::vector<std::uint8_t> bytes_;
};

class Reader {
 public:
  Reader(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  const std::uint8_t* raw(std::size_t n) {
    if (n > left_) throw std::runtime_error("these bytes are no parameter vector: truncated");
    const auto* p = data_;
    data_ += n;
    left_ -= n;
    return p;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, raw(sizeof value), sizeof value);
    return value;
  }
  std::vector<Slot> slots(std::uint32_t count, std::int64_t& total) {
    std::vector<Slot> out;
    for (std::uint32_t i = 0; i < count; ++i) {
      Slot s;
      const auto length = number<std::uint32_t>();
      const auto* name = raw(length);
      s.name.assign(name, name + length);
      s.size = 1;
      const auto dimensions = number<std::uint32_t>();
      for (std::uint32_t d = 0; d < dimensions; ++d)
        s.size = grow(s.size, s.shape.emplace_back(number<std::int64_t>()));
      s.offset = total;
      total += s.size;
      if (total > kMost) throw std::runtime_error("these bytes are no parameter vector: sizes overflow");
      out.push_back(std::move(s));
    }
    return out;
  }
  torch::Tensor floats(std::int64_t count) {
    const auto* p = raw(float_bytes(count));
    auto t = torch::empty({count}, torch::kFloat32);
    if (count > 0) std::memcpy(t.data_ptr<float>(), p, float_bytes(count));
    return t;
  }
  std::size_t left() const { return left_; }

 private:
  static constexpr std::int64_t kMost = std::int64_t{1}
                                        << 40;  ///< elements; keeps sums and byte counts in range
  static std::int64_t grow(std::int64_t size, std::int64_t dimension) {
    if (dimension < 0 || (dimension > 0 && size > kMost / dimension))
      throw std::runtime_error("these bytes are no parameter vector: a shape is out of range");
    return size * dimension;
  }
  const std::uint8_t* data_;
  std::size_t left_;
};

bool same_slots(const std::vector<Slot>& a, const std::vector<Slot>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].name != b[i].name || a[i].shape != b[i].shape || a[i].offset != b[i].offset) return false;
  return true;
}

}  // namespace

bool operator==(const Layout& a, const Layout& b) {
  return &a == &b || (same_slots(a.parameters, b.parameters) && same_slots(a.buffers, b.buffers));
}

bool is_finite(const ParameterVector& p) {
  const auto finite = [](const torch::Tensor& t) {
    if (!t.defined() || t.numel() == 0) return true;
    const auto [least, most] = at::aminmax(t.detach());  // NaN where there is one
    return std::isfinite(least.item<double>()) && std::isfinite(most.item<double>());
  };
  return finite(p.values) && finite(p.buffers);
}

std::int64_t byte_size(const ParametersPtr& p) {
  if (!p) return 0;
  return static_cast<std::int64_t>(float_bytes(p->layout->parameter_count + p->layout->buffer_count));
}

std::vector<std::uint8_t> to_bytes(const ParametersPtr& p) {
  if (!p) return {};
  const auto& layout = *p->layout;
  const auto values = on_cpu(p->values, layout.parameter_count, "values");
  const auto buffers = on_cpu(p->buffers, layout.buffer_count, "buffers");
  Writer w(static_cast<std::size_t>(byte_size(p)) +
           64 * (layout.parameters.size() + layout.buffers.size() + 2));
  w.raw(kMagic, sizeof kMagic);
  w.number(kVersion);
  w.number(static_cast<std::uint32_t>(layout.parameters.size()));
  w.number(static_cast<std::uint32_t>(layout.buffers.size()));
  w.slots(layout.parameters);
  w.slots(layout.buffers);
  w.raw(values.data_ptr<float>(), float_bytes(layout.parameter_count));
  if (layout.buffer_count > 0) w.raw(buffers.data_ptr<float>(), float_bytes(layout.buffer_count));
  base::Sha256 sum;
  sum.update(w.bytes_.data(), w.bytes_.size());
  const auto digest = sum.finish();
  w.raw(digest.data(), digest.size());
  return std::move(w.bytes_);
}

ParametersPtr from_bytes(const std::vector<std::uint8_t>& bytes) {
  if (bytes.empty()) return nullptr;
  if (bytes.size() < sizeof kMagic || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0)
    throw std::runtime_error("these bytes are no parameter vector: they do not begin with AFUP");
  if (bytes.size() < sizeof kMagic + sizeof kVersion + kDigest)
    throw std::runtime_error("these bytes are no parameter vector: truncated");
  Reader r(bytes.data(), bytes.size() - kDigest);
  r.raw(sizeof kMagic);
  const auto version = r.number<std::uint32_t>();
  if (version != kVersion)
    throw std::runtime_error("parameter vector of format " + std::to_string(version) +
                             ", this program reads " + std::to_string(kVersion));
  base::Sha256 sum;
  sum.update(bytes.data(), bytes.size() - kDigest);
  if (std::memcmp(sum.finish().data(), bytes.data() + bytes.size() - kDigest, kDigest) != 0)
    throw std::runtime_error("parameter vector is damaged or truncated: its checksum does not match");
  auto layout = std::make_shared<Layout>();
  const auto parameters = r.number<std::uint32_t>();
  const auto buffers = r.number<std::uint32_t>();
  layout->parameters = r.slots(parameters, layout->parameter_count);
  layout->buffers = r.slots(buffers, layout->buffer_count);
  auto p = std::make_shared<ParameterVector>();
  p->values = r.floats(layout->parameter_count);
  p->buffers = r.floats(layout->buffer_count);
  if (r.left() != 0) throw std::runtime_error("these bytes are no parameter vector: bytes left over");
  p->layout = std::move(layout);
  return p;
}

std::string sha256(const ParametersPtr& p) {
  if (!p) return {};
  base::Sha256 sum;
  const auto values = on_cpu(p->values, p->layout->parameter_count, "values");
  sum.update(values.data_ptr<float>(), float_bytes(values.numel()));
  const auto buffers = on_cpu(p->buffers, p->layout->buffer_count, "buffers");
  if (buffers.numel() > 0) sum.update(buffers.data_ptr<float>(), float_bytes(buffers.numel()));
  return sum.hex();
}

}  // namespace afu::model
