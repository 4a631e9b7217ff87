#include "report/json_file.hpp"

#include <algorithm>

namespace afu::report {

Json parse_json(const std::string& text, const std::string& file, std::size_t first_line) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& e) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(e.byte, text.size()));
    const auto line = first_line + static_cast<std::size_t>(std::count(text.begin(), end, '\n'));
    std::string reason = e.what();
    if (auto i = reason.rfind(": "); i != reason.npos) reason.erase(0, i + 2);
    throw ReportError(file + ":" + std::to_string(line) + ": is no JSON: " + reason);
  }
}

void JsonPlace::fail(const std::string& reason) const {
  throw ReportError(file_ + ": " + (path_.empty() ? "the whole" : path_) + " " + reason);
}

JsonPlace JsonPlace::at(const char* key) const {
  if (!value_->is_object()) fail("is no object");
  const auto found = value_->find(key);
  const auto path = path_.empty() ? std::string(key) : path_ + "." + key;
  if (found == value_->end()) throw ReportError(file_ + ": " + path + " is missing");
  return {*found, file_, path};
}

JsonPlace JsonPlace::at(std::size_t index) const {
  return {value_->at(index), file_, path_ + "[" + std::to_string(index) + "]"};
}

std::size_t JsonPlace::size() const {
  if (!value_->is_array()) fail("is no array");
  return value_->size();
}

std::optional<double> JsonPlace::figure(const char* key) const {
  if (!has(key) || value_->at(key).is_null()) return std::nullopt;
  return get<double>(key);
}

}  // namespace afu::report
