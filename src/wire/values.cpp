#include "wire/values.hpp"

#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

namespace afu::wire {
namespace {

class NamingSink final : public job::Sink {
 public:
  NamingSink(job::Sink& to, const NameOf& name_of) : to_(to), name_of_(name_of) {}
  void name(const char* field) override { to_.name(field); }
  void flag(bool v) override { to_.flag(v); }
  void integer(std::int64_t v) override { to_.integer(v); }
  void real(double v) override {
    std::int64_t bits = 0;
    std::memcpy(&bits, &v, sizeof bits);
    to_.integer(bits);
  }
  void text(const std::string& v) override { to_.text(v); }
  void vector(const model::ParametersPtr& v) override {
    if (v)
      to_.text(to_text(name_of_(v)));
    else
      to_.null();
  }
  void rows(const base::IndicesPtr& v) override { to_.rows(v); }
  void key(const base::StreamKey& v) override { to_.key(v); }
  void null() override { to_.null(); }
  void open_list(std::size_t count) override { to_.open_list(count); }
  void open_fields() override { to_.open_fields(); }
  void close() override { to_.close(); }

 private:
  job::Sink& to_;
  const NameOf& name_of_;
};

class NamedSource final : public job::Source {
 public:
  NamedSource(job::Source& from, const VectorOf& vector_of) : from_(from), vector_of_(vector_of) {}
  void name(const char* field) override { from_.name(field); }
  bool flag() override { return from_.flag(); }
  std::int64_t integer() override { return from_.integer(); }
  std::int64_t choice(std::int64_t last) override { return from_.choice(last); }
  double real() override {
    const auto bits = from_.integer();
    double v = 0;
    std::memcpy(&v, &bits, sizeof v);
    return v;
  }
  std::string text() override { return from_.text(); }
  model::ParametersPtr vector() override {
    if (from_.null()) return nullptr;
    return vector_of_(name_from(from_.text()));
  }
  base::IndicesPtr rows() override { return from_.rows(); }
  base::StreamKey key() override { return from_.key(); }
  bool null() override { return from_.null(); }
  std::size_t open_list() override { return from_.open_list(); }
  void open_fields() override { from_.open_fields(); }
  void close() override { from_.close(); }

 private:
  job::Source& from_;
  const VectorOf& vector_of_;
};

/// job::JobResult, which has a map.
struct ListedResult {
  std::vector<model::ParametersPtr> outputs;
  std::vector<std::pair<std::string, double>> figures;
  std::vector<double> numbers;
  std::int64_t samples = 0;
  double seconds = 0;
  std::string error;
  bool out_of_memory = false;
  std::optional<std::size_t> not_finite;
  bool looked_at = false;
};
AFU_FIELDS(ListedResult, outputs, figures, numbers, samples, seconds, error, out_of_memory, not_finite,
           looked_at)

ListedResult listed(const job::JobResult& r) {
  const auto& [outputs, figures, numbers, samples, seconds, error, out_of_memory, not_finite, looked_at] = r;
  return {
      outputs,  {figures.begin(), figures.end()}, numbers, samples, seconds, error, out_of_memory, not_finite,
      looked_at};
}

job::JobResult result_of(ListedResult r) {
  job::JobResult result;
  auto& [outputs, figures, numbers, samples, seconds, error, out_of_memory, not_finite, looked_at] = result;
  outputs = std::move(r.outputs);
  figures = {r.figures.begin(), r.figures.end()};
  numbers = std::move(r.numbers);
  samples = r.samples;
  seconds = r.seconds;
  error = std::move(r.error);
  out_of_memory = r.out_of_memory;
  not_finite = r.not_finite;
  looked_at = r.looked_at;
  return result;
}

}  // namespace

Bytes written(const NameOf& name_of, const std::function<void(job::Sink&)>& write) {
  return job::written([&](job::Sink& to) {
    NamingSink naming(to, name_of);
    write(naming);
  });
}

void read(const Bytes& bytes, const char* what, const VectorOf& vector_of,
          const std::function<void(job::Source&)>& take) try {
  job::read(bytes, what, [&](job::Source& from) {
    NamedSource named(from, vector_of);
    take(named);
  });
} catch (const std::runtime_error& e) {
  throw WireError(e.what());
}

Frame to_frame(const Assignment& a, const NameOf& name_of) {
  return {Kind::assignment, written(name_of, [&](job::Sink& to) {
            to.open_list(1 + a.jobs.size());
            job::put(to, a.number);
            for (const auto& job : a.jobs) job::put_job(to, *job);
            to.close();
          })};
}

Frame to_frame(const Results& r, const NameOf& name_of) {
  return {Kind::results, written(name_of, [&](job::Sink& to) {
            to.open_list(1 + r.results.size());
            job::put(to, r.number);
            for (const auto& result : r.results) job::put(to, listed(result));
            to.close();
          })};
}

Assignment assignment_from(const Frame& frame, const std::vector<job::JobType>& types,
                           const VectorOf& vector_of) {
  Assignment a;
  read(frame.bytes, "assignment", vector_of, [&](job::Source& from) {
    const auto count = from.open_list();
    if (count < 2) throw WireError("it holds no job");
    job::take(from, a.number);
    for (std::size_t i = 1; i < count; ++i)
      a.jobs.push_back(std::make_shared<const job::Job>(job::take_job(from, types)));
    from.close();
  });
  return a;
}

Results results_from(const Frame& frame, const VectorOf& vector_of) {
  Results r;
  read(frame.bytes, "list of results", vector_of, [&](job::Source& from) {
    const auto count = from.open_list();
    if (count < 2) throw WireError("it holds no result");
    job::take(from, r.number);
    for (std::size_t i = 1; i < count; ++i) {
      ListedResult one;
      job::take(from, one);
      r.results.push_back(result_of(std::move(one)));
    }
    from.close();
  });
  return r;
}

}  // namespace afu::wire
