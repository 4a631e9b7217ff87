#include "job/bytes.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace afu::job {
namespace {

using Json = nlohmann::json;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

/// Builds the tree from the top down: the innermost open list or struct is the last of `open_`.
class TreeSink final : public Sink {
 public:
  void name(const char* field) override { field_ = field; }
  void flag(bool v) override { add(v); }
  void integer(std::int64_t v) override { add(v); }
  void real(double v) override { add(v); }
  void text(const std::string& v) override { add(v); }
  void vector(const model::ParametersPtr& v) override { add(Json::binary(model::to_bytes(v))); }
  void rows(const base::IndicesPtr& v) override { add(v ? Json(*v) : Json()); }
  void key(const base::StreamKey& v) override {
    const auto& [seed, purpose, actor, round] = v;
    add(Json{seed, purpose, actor, round});
  }
  void null() override { add(Json()); }
  void open_list(std::size_t) override { open(Json::array()); }
  void open_fields() override { open(Json::object()); }
  void close() override { open_.pop_back(); }
  const Json& tree() const { return root_; }

 private:
  Json& add(Json value) {
    if (open_.empty()) return root_ = std::move(value);
    auto& at = *open_.back();
    if (at.is_object()) return at[field_] = std::move(value);
    at.push_back(std::move(value));
    return at.back();
  }
  void open(Json empty) { open_.push_back(&add(std::move(empty))); }

  Json root_;
  std::string field_;
  std::vector<Json*> open_;  ///< of each only the last child grows, so the pointers hold
};

class TreeSource final : public Source {
 public:
  explicit TreeSource(const Json& root) : root_(root) {}
  void name(const char* field) override { field_ = field; }
  bool flag() override { return next().get<bool>(); }
  std::int64_t integer() override { return next().get<std::int64_t>(); }
  double real() override { return next().get<double>(); }
  std::string text() override { return next().get<std::string>(); }
  model::ParametersPtr vector() override { return model::from_bytes(next().get_binary()); }
  base::IndicesPtr rows() override {
    const auto& v = next();
    return v.is_null() ? nullptr : std::make_shared<const base::Indices>(v.get<base::Indices>());
  }
  base::StreamKey key() override {
    const auto& v = next();
    return {v.at(0), v.at(1), v.at(2), v.at(3)};
  }
  bool null() override {
    if (!peek().is_null()) return false;
    next();
    return true;
  }
  std::size_t open_list() override {
    const auto& v = next();
    if (!v.is_array()) fail("a list is expected, there is " + std::string(v.type_name()));
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

Bytes written(const std::function<void(Sink&)>& write) {
  TreeSink sink;
  write(sink);
  return Json::to_cbor(sink.tree());
}

void read(const Bytes& bytes, const char* what, const std::function<void(Source&)>& take) try {
  const auto tree = Json::from_cbor(bytes);
  TreeSource source(tree);
  take(source);
} catch (const Json::exception& e) {
  fail(std::string("these bytes are no ") + what + ": " + e.what());
} catch (const std::runtime_error& e) {
  fail(std::string("these bytes are no ") + what + ": " + e.what());
}

Bytes to_bytes(const Job& job) {
  return written([&](Sink& to) {
    to.open_list(2);
    to.text(job.name());
    job.put(to);
    to.close();
  });
}

Job job_from_bytes(const Bytes& bytes, const std::vector<JobType>& types) {
  Job job;
  read(bytes, "job", [&](Source& from) {
    from.open_list();
    const auto name = from.text();
    const auto type = std::find_if(types.begin(), types.end(), [&](const auto& t) { return name == t.name; });
    if (type == types.end()) fail("there is no kind of job \"" + name + "\"");
    job = type->take(from);
    from.close();
  });
  return job;
}

}  // namespace afu::job
