#pragma once
/// JSON files whose mistakes are told with their place.
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "base/json_depth.hpp"
#include "figures/run_data.hpp"

namespace afu::figures {

using Json = nlohmann::ordered_json;

using base::deepest_json;

/// Throws ReportError, as "file:line: reason", also for text that nests deeper than `deepest_json` or holds a
/// number beyond a double.
Json parse_json(const std::string& text, const std::string& file, std::size_t first_line = 1);

/// A value and where it stands: every wrong or missing key is a ReportError "file: key.path: reason".
class JsonPlace {
 public:
  JsonPlace(const Json& value, std::string file, std::string path = {})
      : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

  bool has(const char* key) const { return value_->is_object() && value_->contains(key); }
  JsonPlace at(const char* key) const;
  JsonPlace at(std::size_t index) const;
  std::size_t size() const;  ///< of an array
  const Json& value() const { return *value_; }

  /// A number is checked: a T that cannot hold it is a ReportError, and so is a fraction for a whole one.
  template <class T>
  T get() const {
    if constexpr (std::is_same_v<T, bool>) {
      if (!value_->is_boolean()) fail_type("true or false");
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(whole(static_cast<double>(std::numeric_limits<T>::min()),
                                  static_cast<std::uint64_t>(std::numeric_limits<T>::max())));
    } else if constexpr (std::is_floating_point_v<T>) {
      if (!value_->is_number()) fail_type("a number");
    } else {
      if (!value_->is_string()) fail_type("a text");
    }
    return value_->get<T>();
  }
  template <class T>
  T get(const char* key) const {
    return at(key).template get<T>();
  }
  std::optional<double> figure(const char* key) const;  ///< null or absent: none
  /// A number in [low, high]; else a ReportError that says so.
  double within(const char* key, double low, double high) const;
  /// The same, or nothing where it is null or absent.
  std::optional<double> figure_within(const char* key, double low, double high) const;
  [[noreturn]] void fail(const std::string& reason) const;

 private:
  [[noreturn]] void fail_type(const char* wanted) const;
  /// A whole number in [low, high] as its bits.
  std::int64_t whole(double low, std::uint64_t high) const;

  const Json* value_;
  std::string file_, path_;
};

/// Refuses a file whose "schema" is not `known`.
void check_schema(const JsonPlace& file, int known);

}  // namespace afu::figures
