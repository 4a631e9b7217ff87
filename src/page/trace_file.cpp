/// trace.json, read as a stream: a long run's takes gigabytes as a tree.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "figures/json_file.hpp"
#include "page/timeline.hpp"

namespace afu::page {

namespace {

constexpr double simulated_process = 1;
constexpr double microseconds = 1e-6;

/// One event at a time: of an array of objects the fields that a span needs.
class Events : public nlohmann::json_sax<figures::Json> {
 public:
  Events(std::string file, double begin, double end) : file_(std::move(file)), begin_(begin), end_(end) {}

  Trace trace;
  std::size_t broken_at = 0;  ///< byte, where `reason` is not empty
  std::string reason;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t v) override { return number(static_cast<double>(v)); }
  bool number_unsigned(number_unsigned_t v) override { return number(static_cast<double>(v)); }
  bool number_float(number_float_t v, const string_t&) override { return number(v); }
  bool binary(binary_t&) override { return true; }
  bool string(string_t& v) override {
    if (depth_ == 2) texts_[key_] = v;
    if (depth_ == 3 && within_args_ && key_ == "name") argument_ = v;
    return true;
  }
  bool key(string_t& v) override {
    key_ = v;
    if (depth_ == 2) within_args_ = v == "args";
    return true;
  }
  bool start_object(std::size_t) override {
    deeper(false);
    if (depth_ == 2) {
      texts_.clear();
      numbers_.clear();
      argument_.clear();
      within_args_ = false;
    }
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1) take();
    return true;
  }
  bool start_array(std::size_t) override {
    deeper(true);
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& e) override {
    broken_at = position;
    reason = e.what();
    return false;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw figures::ReportError(fmt::format("{}: [{}] {}", file_, index_, what));
  }
  void deeper(bool array) {
    if (++depth_ > base::deepest_json) fail(fmt::format("nests deeper than {} brackets", base::deepest_json));
    if (depth_ <= 2 && array != (depth_ == 1)) fail("is no event: the file is to be an array of objects");
  }
  bool number(double v) {
    if (depth_ == 2) numbers_[key_] = v;
    return true;
  }
  double number_of(const char* name) const {
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) fail(std::string("has no number ") + name);
    return found->second;
  }
  std::string text_of(const char* name) const {
    const auto found = texts_.find(name);
    if (found == texts_.end()) fail(std::string("has no text ") + name);
    return found->second;
  }

  void take() {
    const auto process = numbers_.find("pid");
    if (process != numbers_.end() && process->second == simulated_process && numbers_.count("tid") > 0) {
      const auto phase = text_of("ph");
      const double track = number_of("tid");
      if (phase == "M" && text_of("name") == "thread_name") {
        names_[track] = argument_;
        trace.tracks.push_back(argument_);
      } else if (phase == "X") {
        const double from = number_of("ts") * microseconds, to = from + number_of("dur") * microseconds;
        if (!(to < begin_ || from > end_)) trace.spans.push_back({names_[track], text_of("name"), from, to});
      }
    }
    ++index_;
  }

  std::string file_;
  double begin_, end_;
  std::size_t depth_ = 0, index_ = 0;
  bool within_args_ = false;
  std::string key_, argument_;
  std::map<std::string, std::string> texts_;
  std::map<std::string, double> numbers_;
  std::map<double, std::string> names_;  ///< of tracks
};

std::size_t line_at(const std::filesystem::path& file, std::size_t byte) {
  std::ifstream in(file, std::ios::binary);
  std::size_t line = 1;
  for (std::istreambuf_iterator<char> c(in), end; c != end && byte > 0; ++c, --byte) line += *c == '\n';
  return line;
}

}  // namespace

Trace read_trace(const std::filesystem::path& file, double begin, double end) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw figures::ReportError(file.string() + ": cannot be opened");
  Events events(file.string(), begin, end);
  if (!figures::Json::sax_parse(in, &events))
    throw figures::ReportError(fmt::format("{}:{}: is no JSON: {}", file.string(),
                                           line_at(file, events.broken_at),
                                           events.reason.substr(events.reason.rfind(": ") + 2)));
  return std::move(events.trace);
}

}  // namespace afu::page
