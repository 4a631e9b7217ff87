#pragma once
/// attacks.csv: one row a figure of an attack at a point of the run.
#include <filesystem>

#include "base/output_file.hpp"
#include "record/records.hpp"

namespace afu::record {

/// The first line of attacks.csv.
inline constexpr const char* attacks_header = "point,version,updates,time,attack,figure,value";

/// A value that is not a finite number is an empty cell. Each row reaches the file before `append` returns.
/// Write errors throw std::runtime_error.
class AttackLog {
 public:
  explicit AttackLog(std::filesystem::path path);
  void append(const AttackRow& row);
  void close() { file_.close(); }

 private:
  base::OutputFile file_;
};

}  // namespace afu::record
