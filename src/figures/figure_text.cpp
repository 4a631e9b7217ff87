#include "figures/figure_text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace afu::figures {

namespace {

bool is_share(const Metric& m) { return m.quantity == Quantity::share; }

}  // namespace

std::string share_text(std::optional<double> v) {
  return v ? fmt::format("{:.1f} %", *v * 100) : absent_text;
}

std::string points_text(std::optional<double> v) {
  return v ? fmt::format("{:+.1f} pp", *v * 100) : absent_text;
}

std::string value_text(const Metric& m, std::optional<double> v) {
  return v && !is_share(m) ? fmt::format("{:.3f}", *v) : share_text(v);
}

std::string difference_text(const Metric& m, std::optional<double> v) {
  return v && !is_share(m) ? fmt::format("{:+.3f}", *v) : points_text(v);
}

std::string margin_text(const Metric& m, double v) {
  return is_share(m) ? fmt::format("{:.1f} pp", v * 100) : fmt::format("{:.3f}", v);
}

std::string interval_text(const Metric& m, const Interval& i) {
  return is_share(m) ? fmt::format("[{:+.1f}, {:+.1f}]", i.low * 100, i.high * 100)
                     : fmt::format("[{:+.3f}, {:+.3f}]", i.low, i.high);
}

std::string seconds_text(std::optional<double> v) {
  if (!v) return absent_text;
  return std::abs(*v) < 100 ? fmt::format("{:.2f} s", *v) : fmt::format("{:.0f} s", *v);
}

std::string p_text(std::optional<double> p) {
  if (!p) return absent_text;
  return *p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", *p);
}

std::string bytes_text(double bytes) {
  const char* const units[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t i = 0;
  for (; bytes >= 1000 && i < 4; ++i) bytes /= 1000;
  return fmt::format(i == 0 ? "{:.0f} {}" : "{:.1f} {}", bytes, units[i]);
}

std::string counted(std::size_t n, const std::string& noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

Scale scale_of(const Metric& m) { return is_share(m) ? Scale{"%", 100} : Scale{"", 1}; }
Scale difference_scale_of(const Metric& m) { return is_share(m) ? Scale{"pp", 100} : Scale{"", 1}; }
const char* unit_of(const Metric& m) {
  return m.quantity == Quantity::loss ? "nats" : m.quantity == Quantity::score ? "score" : "share";
}

}  // namespace afu::figures
