#pragma once
/// JSON files whose mistakes are told with their place.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "report/run_data.hpp"

namespace afu::report {

using Json = nlohmann::ordered_json;

/// Throws ReportError, as "file:line: reason".
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

  template <class T>
  T get() const {
    try {
      return value_->get<T>();
    } catch (const nlohmann::json::exception&) {
      fail("has the value " + value_->dump() + ", of another type than wanted");
    }
  }
  template <class T>
  T get(const char* key) const {
    return at(key).template get<T>();
  }
  std::optional<double> figure(const char* key) const;  ///< null or absent: none
  [[noreturn]] void fail(const std::string& reason) const;

 private:
  const Json* value_;
  std::string file_, path_;
};

}  // namespace afu::report
