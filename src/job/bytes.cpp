#include "job/bytes.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/json_depth.hpp"
#include "base/sha256.hpp"
#include "job/any_job.hpp"

namespace afu::job {
namespace {

using Json = nlohmann::json;

constexpr std::ptrdiff_t checksum_size = base::Sha256::size;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

std::array<std::uint8_t, base::Sha256::size> checksum(const Bytes& bytes, std::size_t count) {
  base::Sha256 sum;
  sum.update(bytes.data(), count);
  return sum.finish();
}

/// A tree that grows from the top down: the innermost open list or struct is the last of `open_`.
class Tree {
 public:
  void name(std::string field) { field_ = std::move(field); }
  Json& add(Json value) {
    if (open_.empty()) return root_ = std::move(value);
    auto& at = *open_.back();
    if (at.is_object()) return at[field_] = std::move(value);
    at.push_back(std::move(value));
    return at.back();
  }
  void open(Json empty) { open_.push_back(&add(std::move(empty))); }
  void close() { open_.pop_back(); }
  std::size_t depth() const { return open_.size(); }
  const Json& root() const { return root_; }

 private:
  Json root_;
  std::string field_;
  std::vector<Json*> open_;  ///< of each only the last child grows, so the pointers hold
};

class TreeSink final : public Sink {
 public:
  void name(const char* field) override { tree_.name(field); }
  void flag(bool v) override { tree_.add(v); }
  void integer(std::int64_t v) override { tree_.add(v); }
  void real(double v) override { tree_.add(v); }
  void text(const std::string& v) override { tree_.add(v); }
  void vector(const model::ParametersPtr& v) override { tree_.add(Json::binary(model::to_bytes(v))); }
  void rows(const base::IndicesPtr& v) override { tree_.add(v ? Json(*v) : Json()); }
  void key(const base::StreamKey& v) override {
    const auto& [seed, purpose, actor, round] = v;
    tree_.add(Json{seed, purpose, actor, round});
  }
  void null() override { tree_.add(Json()); }
  void open_list(std::size_t) override { tree_.open(Json::array()); }
  void open_fields() override { tree_.open(Json::object()); }
  void close() override { tree_.close(); }
  const Json& root() const { return tree_.root(); }

 private:
  Tree tree_;
};

/// What a parser finds, as a tree. What nests too deep is refused: reading it takes stack by its depth.
class Builder final : public Json::json_sax_t {
 public:
  bool null() override { return add({}); }
  bool boolean(bool v) override { return add(v); }
  bool number_integer(number_integer_t v) override { return add(v); }
  bool number_unsigned(number_unsigned_t v) override { return add(v); }
  bool number_float(number_float_t v, const string_t&) override { return add(v); }
  bool string(string_t& v) override { return add(std::move(v)); }
  bool binary(binary_t& v) override { return add(Json::binary(std::move(v))); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool key(string_t& v) override {
    tree_.name(std::move(v));
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const Json::exception& e) override { fail(e.what()); }
  const Json& root() const { return tree_.root(); }

 private:
  bool add(Json v) {
    tree_.add(std::move(v));
    return true;
  }
  bool open(Json empty) {
    if (tree_.depth() == base::deepest_json) fail("they nest too deep");
    tree_.open(std::move(empty));
    return true;
  }
  bool close() {
    tree_.close();
    return true;
  }

  Tree tree_;
};

class TreeSource final : public Source {
 public:
  explicit TreeSource(const Json& root) : root_(root) {}
  void name(const char* field) override { field_ = field; }
  bool flag() override { return next().get<bool>(); }
  std::int64_t integer() override { return whole(next()); }
  std::int64_t choice(std::int64_t last) override {
    const auto v = integer();
    if (v < 0 || v > last) out_of_range(v);
    return v;
  }
  double real() override { return next().get<double>(); }
  std::string text() override { return next().get<std::string>(); }
  model::ParametersPtr vector() override { return model::from_bytes(next().get_binary()); }
  base::IndicesPtr rows() override {
    const auto& v = next();
    if (v.is_null()) return nullptr;
    base::Indices indices;
    for (const auto& row : list(v)) indices.push_back(whole(row));
    return std::make_shared<const base::Indices>(std::move(indices));
  }
  base::StreamKey key() override {
    const auto& v = list(next());
    if (v.size() != 4) fail("a key of four numbers is expected");
    const auto number = [&v](std::size_t i) { return static_cast<std::uint64_t>(whole(v[i])); };
    return {number(0), number(1), number(2), number(3)};
  }
  bool null() override {
    if (!peek().is_null()) return false;
    next();
    return true;
  }
  std::size_t open_list() override {
    const auto& v = list(next());
    open_.push_back({&v, 0});
    return v.size();
  }
  void open_fields() override {
    const auto& v = next();
    if (!v.is_object()) fail("a struct is expected, there is " + std::string(v.type_name()));
    open_.push_back({&v, 0});
  }
  void close() override {
    const auto& [v, taken] = open_.back();
    if (taken != v->size()) fail("there is more than is known: it is of another version");
    open_.pop_back();
  }

 private:
  static std::int64_t whole(const Json& v) {
    if (!v.is_number_integer()) fail("a whole number is expected, there is " + std::string(v.type_name()));
    return v.get<std::int64_t>();
  }
  static const Json& list(const Json& v) {
    if (!v.is_array()) fail("a list is expected, there is " + std::string(v.type_name()));
    return v;
  }
  struct Open {
    const Json* value;
    std::size_t taken;
  };
  const Json& peek() const {
    if (open_.empty()) return root_;
    const auto& [v, taken] = open_.back();
    return v->is_object() ? v->at(field_) : v->at(taken);
  }
  const Json& next() {
    const auto& value = peek();
    if (!open_.empty()) ++open_.back().taken;
    return value;
  }

  const Json& root_;
  std::string field_;
  std::vector<Open> open_;
};

}  // namespace

void out_of_range(std::int64_t v) { fail(std::to_string(v) + " is out of range"); }

Bytes written(const std::function<void(Sink&)>& write) {
  TreeSink sink;
  write(sink);
  auto bytes = Json::to_cbor(sink.root());
  const auto sum = checksum(bytes, bytes.size());
  bytes.insert(bytes.end(), sum.begin(), sum.end());
  return bytes;
}

void read(const Bytes& bytes, const char* what, const std::function<void(Source&)>& take) try {
  if (bytes.size() <= checksum_size) fail("truncated");
  const auto end = bytes.end() - checksum_size;
  const auto sum = checksum(bytes, bytes.size() - checksum_size);
  if (!std::equal(sum.begin(), sum.end(), end)) fail("damaged or truncated: the checksum does not match");
  Builder builder;
  Json::sax_parse(bytes.begin(), end, &builder, Json::input_format_t::cbor);
  TreeSource source(builder.root());
  take(source);
} catch (const Json::exception& e) {
  fail(std::string("these bytes are no ") + what + ": " + e.what());
} catch (const std::runtime_error& e) {
  fail(std::string("these bytes are no ") + what + ": " + e.what());
}

void put_job(Sink& to, const Job& job) {
  to.open_list(2);
  to.text(job.name());
  job.put(to);
  to.close();
}

Job take_job(Source& from, const std::vector<JobType>& types) {
  from.open_list();
  const auto name = from.text();
  const auto type = std::find_if(types.begin(), types.end(), [&](const auto& t) { return name == t.name; });
  if (type == types.end()) fail("there is no kind of job \"" + name + "\"");
  auto job = type->take(from);
  from.close();
  return job;
}

Bytes to_bytes(const Job& job) {
  return written([&](Sink& to) { put_job(to, job); });
}

Job job_from_bytes(const Bytes& bytes, const std::vector<JobType>& types) {
  Job job;
  read(bytes, "job", [&](Source& from) { job = take_job(from, types); });
  return job;
}

}  // namespace afu::job
