#pragma once
/// audit/jobs.jsonl: one line a job that was handed out, with all that an outside computation of it needs
/// beside the vectors: which version it starts from, on which rows, in which order.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/indices.hpp"
#include "base/output_file.hpp"
#include "base/random.hpp"
#include "record/records.hpp"

namespace afu::record {

struct AuditJob {
  NodeId to = 0;              ///< who computes it
  std::string kind;           ///< "train", "collect", "erase", "calibrate"
  std::string kernel;         ///< "train", "combine", or the kernel's name
  std::uint64_t job = 0;      ///< the client's job number; of other kinds the request
  std::uint64_t version = 0;  ///< the current one when it was handed out; of "train" the one it starts from
  std::optional<std::uint64_t> epoch;    ///< erasure epoch, of "train"
  std::optional<std::uint32_t> request;  ///< whose method asked for it
  std::optional<base::StreamKey> key;    ///< of its random stream, where it has one
  std::vector<std::uint32_t> left_out;   ///< requests whose rows the client leaves out, of "train"
  std::vector<base::IndicesPtr> rows;    ///< the sets that it computes on, in the kernel's order
  std::optional<double> lr;              ///< of "train", factors of a method included
  std::int64_t epochs = 0, steps = 0, batch_size = 0;  ///< of "train"
  std::string extras;  ///< of "train": "mask", "anchor", "auxiliary", with spaces between
};

/// Write errors throw std::runtime_error.
class AuditLog {
 public:
  explicit AuditLog(std::filesystem::path path) : file_(std::move(path)) {}
  /// Of a run that goes on: see base::OutputFile.
  AuditLog(std::filesystem::path path, base::OutputFile::Again again) : file_(std::move(path), again) {}
  void append(const AuditJob& job);
  void flush() { file_.flush(); }
  void close() { file_.close(); }

 private:
  base::OutputFile file_;
};

}  // namespace afu::record
