#pragma once
/// Jobs and their results as bytes for another process. All goes by the listing of the fields (job/fields.hpp) and the bytes of
/// job/bytes.hpp, but for two things: a vector is its name (vectors.hpp), and a floating-point number is its bits, so that every NaN arrives as it
/// was.
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "job/any_job.hpp"
#include "job/bytes.hpp"
#include "wire/vectors.hpp"

namespace afu::wire {

/// The name by which the peer knows a vector, which is not null.
using NameOf = std::function<Name(const model::ParametersPtr&)>;
/// The vector of that name. May throw.
using VectorOf = std::function<model::ParametersPtr(const Name&)>;

/// What `write` puts, with vectors by name.
Bytes written(const NameOf& name_of, const std::function<void(job::Sink&)>& write);
/// Has `take` read it again. Throws WireError, naming `what`, for bytes that are no such value.
void read(const Bytes& bytes, const char* what, const VectorOf& vector_of,
          const std::function<void(job::Source&)>& take);

using Jobs = std::vector<std::shared_ptr<const job::Job>>;

/// What a lane is given at a time, under the number by which its results come back.
struct Assignment {
  std::uint64_t number = 0;
  Jobs jobs;
};
/// The results in the order of the jobs.
struct Results {
  std::uint64_t number = 0;
  std::vector<job::JobResult> results;
};

Frame to_frame(const Assignment& assignment, const NameOf& name_of);
Frame to_frame(const Results& results, const NameOf& name_of);
/// Throw WireError for what is none, or names a kind of job that is not one of `types`.
Assignment assignment_from(const Frame& frame, const std::vector<job::JobType>& types,
                           const VectorOf& vector_of);
Results results_from(const Frame& frame, const VectorOf& vector_of);

}  // namespace afu::wire
