#include "figures/json_file.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace afu::figures {

namespace {

constexpr std::size_t longest_shown = 60;

std::string at_line(const std::string& file, std::size_t line) { return file + ":" + std::to_string(line); }

/// Values of a file, in a message: short, and plain text whatever stands in it.
std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  auto text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > longest_shown) text = text.substr(0, longest_shown) + "...";
  return text;
}

void check_depth(const std::string& text, const std::string& file, std::size_t line) {
  if (const auto lines = base::too_deep(text))
    throw ReportError(at_line(file, line + *lines) + ": nests deeper than " + std::to_string(deepest_json) +
                      " brackets, which no file of afu's does");
}

std::string reason_of(const nlohmann::json::exception& e) {
  std::string reason = e.what();
  if (const auto* parse = dynamic_cast<const nlohmann::json::parse_error*>(&e); parse != nullptr) {
    if (auto i = reason.rfind(": "); i != reason.npos) reason.erase(0, i + 2);
  } else if (auto i = reason.find("] "); i != reason.npos) {
    reason.erase(0, i + 2);
  }
  return reason;
}

}  // namespace

Json parse_json(const std::string& text, const std::string& file, std::size_t first_line) {
  check_depth(text, file, first_line);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& e) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(e.byte, text.size()));
    const auto line = first_line + static_cast<std::size_t>(std::count(text.begin(), end, '\n'));
    throw ReportError(at_line(file, line) + ": is no JSON: " + reason_of(e));
  } catch (const nlohmann::json::exception& e) {  // a number too large
    throw ReportError(at_line(file, first_line) + ": cannot be read: " + reason_of(e));
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

void JsonPlace::fail_type(const char* wanted) const {
  fail("has the value " + shown(*value_) + ", wanted is " + wanted);
}

std::int64_t JsonPlace::whole(double low, std::uint64_t high) const {
  const auto outside = [&]() {
    fail(fmt::format("has the value {}, allowed are whole numbers from {} to {}", shown(*value_),
                     low < 0 ? fmt::format("{:.0f}", low) : "0", high));
  };
  if (value_->is_number_unsigned()) {
    const auto v = value_->get<std::uint64_t>();
    if (v > high) outside();
    return static_cast<std::int64_t>(v);
  }
  if (value_->is_number_integer()) {
    const auto v = value_->get<std::int64_t>();  // negative, or it would be unsigned
    if (static_cast<double>(v) < low) outside();
    return v;
  }
  if (!value_->is_number()) fail_type("a whole number");
  const double v = value_->get<double>();
  // 2^53: beyond it a float is no certain whole number.
  if (v != std::floor(v) || std::abs(v) > 9007199254740992.0 || v < low || v > static_cast<double>(high))
    outside();
  return static_cast<std::int64_t>(v);
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

double JsonPlace::within(const char* key, double low, double high) const {
  const auto v = get<double>(key);
  if (!(low <= v && v <= high)) at(key).fail(fmt::format("is {:g}, allowed is {:g} to {:g}", v, low, high));
  return v;
}

std::optional<double> JsonPlace::figure_within(const char* key, double low, double high) const {
  if (!figure(key)) return std::nullopt;
  return within(key, low, high);
}

void check_schema(const JsonPlace& file, int known) {
  const auto schema = file.at("schema");
  if (!schema.value().is_number_integer() || schema.get<std::int64_t>() != known)
    schema.fail(fmt::format("is {}, this program reads {}", shown(schema.value()), known));
}

}  // namespace afu::figures
