#pragma once
/// events.jsonl: every delivered event and every decision of the server, one JSON object a line, in order.
#include <filesystem>
#include <utility>

#include "base/output_file.hpp"
#include "record/records.hpp"

namespace afu::record {

/// The same records give the same bytes: times are the shortest text that reads back as the same double.
///
///   {"t":1.25,"event":"update","from":"client/3","to":"server","sent":1,"job":4,"version":7,"epoch":0,"bytes":4096}
///   {"t":1.25,"decision":"merged","client":3,"version":8,"epoch":0,"staleness":0,"weight":0.3}
///
/// A weight that is not a finite number is null. Write errors throw std::runtime_error, from whichever call
/// first meets them; call `close` at the end to learn of the last ones.
class EventLog {
 public:
  explicit EventLog(std::filesystem::path path) : file_(std::move(path)) {}
  /// Of a run that goes on: see base::OutputFile.
  EventLog(std::filesystem::path path, base::OutputFile::Again again) : file_(std::move(path), again) {}

  void append(const Event& e);
  void append(const Decision& d);
  void flush() { file_.flush(); }
  /// Of a run that goes on from here: see base::OutputFile.
  void drop_rest() { file_.drop_rest(); }
  void close() { file_.close(); }

 private:
  base::OutputFile file_;
};

}  // namespace afu::record
