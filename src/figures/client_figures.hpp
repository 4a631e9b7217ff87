#pragma once
/// What clients.csv tells of clients and sites (evaluation.by_client).
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "record/records.hpp"

namespace afu::figures {

struct ClientFigures {
  std::string set;  ///< "holdout": what the client holds out of training; "test": the site's test images
  std::int64_t client = -1;  ///< -1: nobody trains at the site
  std::string site;          ///< empty: it has no name
  std::size_t samples = 0;
  record::GroupFigures
      found;  ///< of the last version measured up to the first request; of none where nobody asked
  record::GroupFigures last;  ///< of the last version measured
  record::GroupFigures late;  ///< the means over the last versions measured (read_client_figures)
  /// "client/7 (Leiden)", or the site alone.
  std::string name() const;
};

/// One a set, in the file's order; of none where the folder has no clients.csv. `requested_at`: of the first request, on the
/// run's clock. `late` is over as many versions as `late_evaluations` says, one at least, as far as they came after the request,
/// else the last. Throws ReportError, with file and line, for a file that no run has written.
std::vector<ClientFigures> read_client_figures(const std::filesystem::path& folder,
                                               const std::optional<double>& requested_at,
                                               std::size_t late_evaluations = 1);

/// What a federation is judged by beside its mean: of `set`, over those that have the figure.
struct Spread {
  std::size_t count = 0;
  double lowest = 0, mean = 0, highest = 0;
  double deviation = 0;  ///< with n - 1; 0 of one
  std::string lowest_name;
};
/// None where no one of the set has it.
std::optional<Spread> spread_of(const std::vector<ClientFigures>& all, const std::string& set,
                                record::GroupFigures ClientFigures::*when,
                                std::optional<double> record::GroupFigures::*figure);

}  // namespace afu::figures
