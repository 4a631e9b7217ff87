#pragma once
/// clients.csv: what each evaluation says of each client's held-out samples, and of each site's test images.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/output_file.hpp"
#include "record/records.hpp"

namespace afu::record {

/// The first line of clients.csv.
inline constexpr const char* clients_header =
    "version,time,epoch,updates,phase,set,client,site,samples,accuracy,balanced_accuracy,auc,loss";

/// What a row's figures are of.
struct ClientSet {
  std::string set;           ///< "holdout" or "test"
  std::int64_t client = -1;  ///< negative: nobody's, an empty cell
  std::string site;          ///< empty: it has no name
  std::size_t samples = 0;
};

/// One row an evaluation and set, in the order of `sets`. A figure that does not apply is an empty cell. Rows reach the file
/// before `append` returns. Write errors throw std::runtime_error.
class ClientsLog {
 public:
  ClientsLog(std::filesystem::path path, std::vector<ClientSet> sets);
  void append(const MetricsRow& row);
  void close() { file_.close(); }

 private:
  base::OutputFile file_;
  std::vector<ClientSet> sets_;
};

}  // namespace afu::record
