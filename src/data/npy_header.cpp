#include "data/npy_header.hpp"

#include <fmt/format.h>

#include <cctype>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace afu::data {

namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

// numpy itself refuses texts above 10,000 characters unless told otherwise; nothing we read comes near.
constexpr std::size_t max_text = std::size_t{64} * 1024;
constexpr std::size_t max_dimensions = 32;

/// A cursor over the dictionary's text; every method skips white space first.
class Cursor {
 public:
  explicit Cursor(const std::string& text) : text_(text) {}

  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(fmt::format("malformed header: '{}' expected at character {}", c, at_ + 1));
  }
  bool at_end() {
    skip();
    return at_ == text_.size();
  }
  char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"')
      fail(fmt::format("malformed header: string expected at character {}", at_ + 1));
    const auto end = text_.find(quote, ++at_);
    if (end == std::string::npos) fail("malformed header: a string is not closed");
    auto s = text_.substr(at_, end - at_);
    at_ = end + 1;
    return s;
  }

  bool boolean() {
    for (const auto& [word, value] : {std::pair{"True", true}, std::pair{"False", false}}) {
      skip();
      if (text_.compare(at_, std::strlen(word), word) == 0) {
        at_ += std::strlen(word);
        return value;
      }
    }
    fail("malformed header: fortran_order is neither True nor False");
  }

  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> shape;
    expect('(');
    while (!take(')')) {
      shape.push_back(integer());
      if (shape.size() > max_dimensions) fail(fmt::format("more than {} dimensions", max_dimensions));
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }

 private:
  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  std::int64_t integer() {
    skip();
    const auto start = at_;
    std::int64_t v = 0;
    for (; at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])); ++at_) {
      if (__builtin_mul_overflow(v, std::int64_t{10}, &v) ||
          __builtin_add_overflow(v, std::int64_t{text_[at_] - '0'}, &v))
        fail("a dimension is too large");
    }
    if (at_ == start) fail(fmt::format("malformed header: dimension expected at character {}", at_ + 1));
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // written by Python 2
    return v;
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

void parse_descr(const std::string& descr, NpyHeader& header) {
  const std::string allowed = "(allowed: integers, bool and floats of 1 to 8 bytes, little endian)";
  const auto refuse = [&] { fail(fmt::format("dtype '{}' is not supported {}", descr, allowed)); };
  if (descr.size() != 3 || !std::strchr("<|>=", descr[0])) refuse();
  header.kind = descr[1];
  header.item_size = descr[2] - '0';
  const auto n = header.item_size;
  const bool integer = std::strchr("ui", header.kind) && (n == 1 || n == 2 || n == 4 || n == 8);
  const bool other = (header.kind == 'b' && n == 1) || (header.kind == 'f' && (n == 2 || n == 4 || n == 8));
  if (!integer && !other) refuse();
  // '|' says that byte order does not apply: right for single bytes only.
  if (n > 1 && descr[0] != '<') refuse();
}

}  // namespace

NpyTextSpan npy_text_span(const unsigned char* prefix, std::size_t size) {
  if (size < 10) fail("too short for a .npy array");
  if (std::memcmp(prefix, "\x93NUMPY", 6) != 0) fail("not a .npy array: the magic bytes are missing");
  const int major = prefix[6], minor = prefix[7];
  if (major < 1 || major > 3 || minor != 0)
    fail(fmt::format(".npy version {}.{} is not supported (allowed: 1.0, 2.0, 3.0)", major, minor));
  NpyTextSpan span;
  if (major == 1) {
    span.offset = 10;
    span.length = prefix[8] | std::size_t{prefix[9]} << 8;
  } else {
    if (size < npy_prefix_bytes) fail("too short for a .npy array");
    span.offset = npy_prefix_bytes;
    for (int i = 0; i < 4; ++i) span.length |= std::size_t{prefix[8 + i]} << (8 * i);
  }
  if (span.length > max_text)
    fail(fmt::format("a header of {} bytes, allowed: at most {}", span.length, max_text));
  return span;
}

NpyHeader parse_npy_text(const std::string& text) {
  NpyHeader header;
  bool descr = false, order = false, shape = false;
  const auto once = [](bool& seen, const std::string& key) {
    if (seen) fail(fmt::format("malformed header: '{}' stands twice", key));
    seen = true;
  };
  Cursor cursor(text);
  cursor.expect('{');
  while (!cursor.take('}')) {
    const auto key = cursor.quoted();
    cursor.expect(':');
    if (key == "descr") {
      once(descr, key);
      if (cursor.peek() == '[') fail("structured dtypes are not supported");
      parse_descr(cursor.quoted(), header);
    } else if (key == "fortran_order") {
      once(order, key);
      header.fortran_order = cursor.boolean();
    } else if (key == "shape") {
      once(shape, key);
      header.shape = cursor.tuple();
    } else {
      fail(fmt::format("malformed header: unknown key '{}'", key));
    }
    if (!cursor.take(',')) {
      cursor.expect('}');
      break;
    }
  }
  if (!cursor.at_end()) fail("malformed header: text after the dictionary");
  if (!descr || !order || !shape) fail("malformed header: descr, fortran_order or shape is missing");

  std::int64_t bytes = 0;
  for (auto d : header.shape)
    if (__builtin_mul_overflow(header.items, d, &header.items)) fail("the shape's product is too large");
  if (__builtin_mul_overflow(header.items, header.item_size, &bytes)) fail("the array's size is too large");
  return header;
}

}  // namespace afu::data
