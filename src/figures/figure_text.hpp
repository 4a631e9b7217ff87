#pragma once
/// Figures as people read them, on a terminal and in a report: shares in per cent and their differences in
/// percentage points (pp), areas and losses plain.
#include <cstddef>
#include <optional>
#include <string>

#include "figures/interval.hpp"
#include "figures/run_data.hpp"

namespace afu::figures {

inline constexpr const char* absent_text = "–";

std::string share_text(std::optional<double> v);                        ///< "71.2 %"
std::string points_text(std::optional<double> v);                       ///< "+1.2 pp", of shares' differences
std::string value_text(const Metric& m, std::optional<double> v);       ///< "71.2 %", "0.512"
std::string difference_text(const Metric& m, std::optional<double> v);  ///< "+1.2 pp", "-0.012"
std::string margin_text(const Metric& m, double v);                     ///< "2.0 pp", "0.030"
std::string interval_text(const Metric& m, const Interval& i);          ///< "[-0.4, +1.6]", of differences
std::string seconds_text(std::optional<double> v);                      ///< "0.52 s"
std::string p_text(std::optional<double> p);                            ///< "0.031", "< 0.001"
std::string bytes_text(double bytes);                                   ///< "1.2 MB"
std::string counted(std::size_t n, const std::string& noun);            ///< "1 cell", "3 cells"
std::string capitalised(std::string text);                              ///< ASCII
/// The unit that a chart's axis carries, and the factor to it.
struct Scale {
  const char* unit;
  double factor;
};
Scale scale_of(const Metric& m);             ///< "%", 100
Scale difference_scale_of(const Metric& m);  ///< "pp", 100
const char* unit_of(const Metric& m);        ///< of a CSV's values: "share", "nats"

}  // namespace afu::figures
