#pragma once
/// checkpoint.afu: what a run that was stopped needs to go on. It only grows, a piece at a time, and each piece has a
/// checksum of its own: what a kill left of the last piece is cut off, and where an older one is damaged the
/// checkpoints before it still hold. No torch in this header.
///
///   "AFUCKPT3", then pieces: kind (u32), size (u64), that many bytes. Kinds: 'B' how the run began, 'A' an absence,
///   'R' results, 'W' steps of the clock (all four job/bytes.hpp), 'V' a vector (model::to_bytes), 'C' a
///   checkpoint: which of the vectors before it were alive when so many results and steps were there.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/output_file.hpp"
#include "job/bytes.hpp"

namespace afu::lane {

/// A file that the run reads, by content: record::Input.
struct BegunInput {
  std::string key, path, sha256;
  std::uint64_t bytes = 0;
};
AFU_FIELDS(BegunInput, key, path, sha256, bytes)

struct BegunRun {
  static constexpr const char* name = "begin of a run";
  std::string revision;  ///< of the program
  std::string started;   ///< ISO 8601, UTC
  std::vector<BegunInput> inputs;
};
AFU_FIELDS(BegunRun, revision, started, inputs)

struct Absence {
  static constexpr const char* name = "absence";
  double seconds = 0;  ///< from the last write to the going on
};
AFU_FIELDS(Absence, seconds)

/// A job's result without its vectors.
struct KeptResult {
  std::uint64_t job = 0;      ///< number of the submission
  std::uint64_t content = 0;  ///< of the job: see content_of
  std::vector<std::pair<std::string, double>> figures;
  std::vector<double> numbers;
  std::int64_t samples = 0;
  double seconds = 0;
  std::optional<std::uint64_t> not_finite;
  std::vector<std::int64_t> outputs;  ///< bytes of each
};
AFU_FIELDS(KeptResult, job, content, figures, numbers, samples, seconds, not_finite, outputs)

/// What the clock did that follows from nothing else, so it must be told to come again: on the wall clock all that it did, since
/// real time decided when; on the virtual clock the deaths of clients' actors.
struct ClockStep {
  enum class Kind : std::uint8_t {
    message,       ///< handed to `node`
    timer,         ///< handed to `node`: the end of its work `number`
    answer,        ///< of `node`, to a message
    timer_answer,  ///< of `node`, to its timer `number`
    given_up,      ///< as `timer_answer`: of a client that had got other work and waited no more for that
    over,          ///< stop.seconds were over
    starved,       ///< nothing was left
    died,          ///< virtual clock: the actor of `node`, while another one had the `number`-th message
    died_at_work,  ///< likewise, of the `number`-th message itself
  };
  double time = 0;  ///< of the run's clock, seconds
  Kind kind = Kind::message;
  std::uint64_t node = 0, number = 0;
  std::string why{};  ///< of a death
};
AFU_LAST(ClockStep::Kind, died_at_work)
AFU_FIELDS(ClockStep, time, kind, node, number, why)

/// Which vector: of a result, by its place among all of the run, and the number of the output.
struct VectorName {
  std::uint64_t result = 0;
  std::uint32_t output = 0;
  bool operator<(const VectorName& o) const {
    return result != o.result ? result < o.result : output < o.output;
  }
};
AFU_FIELDS(VectorName, result, output)

/// Where its piece's bytes are.
struct Place {
  std::uint64_t offset = 0, size = 0;
};
AFU_FIELDS(Place, offset, size)

struct CheckpointState {
  static constexpr const char* name = "checkpoint";
  std::uint64_t results = 0;  ///< that were there
  std::uint64_t steps = 0;    ///< of the clock, likewise
  double seconds = 0;         ///< real time that the run had taken
  bool ended = false;         ///< a stop condition was met, and some work dropped therefore
  std::uint64_t joined = 0;   ///< wall clock: jobs waited for
  std::uint64_t late = 0;     ///< of these, not ready in time
  std::vector<std::pair<VectorName, Place>> vectors;
};
AFU_FIELDS(CheckpointState, results, steps, seconds, ended, joined, late, vectors)

/// What a file holds, up to the last checkpoint that is whole.
struct CheckpointContent {
  BegunRun run;
  std::vector<Absence> absences;
  std::vector<KeptResult> results;
  std::vector<ClockStep> steps;
  CheckpointState state;
  std::vector<model::ParametersPtr> vectors;  ///< of state.vectors, in their order
  std::uint64_t size = 0;                     ///< of what holds; what follows is cut off
  std::uint64_t vector_bytes = 0;             ///< of all vectors in the file
  /// What did not hold, beyond a last piece that was not finished; empty: nothing.
  std::string damage;
};

/// Throws std::runtime_error that names the file: it is not there, cannot be read, or not even its begin holds.
CheckpointContent read_checkpoint(const std::filesystem::path& file);

/// Writes it. Any failed write throws std::runtime_error that names the file.
class CheckpointFile {
 public:
  /// A new one, complete or absent.
  CheckpointFile(std::filesystem::path file, const BegunRun& run);
  /// Goes on behind the first `size` bytes of one that is there.
  CheckpointFile(std::filesystem::path file, std::uint64_t size);

  void append(const Absence& absence);
  void append(const std::vector<KeptResult>& results);
  void append(const std::vector<ClockStep>& steps);
  Place append(const model::ParametersPtr& vector);
  /// The checkpoint itself: all that was appended is on the disk when it returns.
  void append(const CheckpointState& state);

  /// Writes the file anew in one step, without the vectors that `state` does not name, and updates their places.
  void compact(CheckpointState& state);

  std::uint64_t size() const { return size_; }

 private:
  explicit CheckpointFile(const std::filesystem::path& part);  ///< without a begin
  Place append(std::uint32_t kind, const job::Bytes& bytes);

  std::filesystem::path path_;
  std::unique_ptr<base::OutputFile> file_;
  std::uint64_t size_ = 0;
};

}  // namespace afu::lane
