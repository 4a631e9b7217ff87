/// events.jsonl, read back.
#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "figures/json_file.hpp"

namespace afu::figures {

namespace {

using record::Decision;
using record::Event;
using record::EventType;

constexpr double latest = 1e18;  ///< seconds: differences and sums of such times are numbers

template <class Enum>
std::unordered_map<std::string, Enum> names_to(Enum last) {
  std::unordered_map<std::string, Enum> out;
  for (int i = 0; i <= static_cast<int>(last); ++i)
    out.emplace(record::to_string(static_cast<Enum>(i)), static_cast<Enum>(i));
  return out;
}

template <class Enum>
Enum named(const JsonPlace& j, const char* key, Enum last) {
  static const auto all = names_to(last);
  const auto found = all.find(j.get<std::string>(key));
  if (found == all.end()) j.at(key).fail("is no " + std::string(key) + " known here");
  return found->second;
}

record::NodeId node(const JsonPlace& j, const char* key) {
  const auto name = j.get<std::string>(key);
  for (auto id : {record::server_node, record::unlearner_node, record::calibrator_node})
    if (name == record::node_name(id)) return id;
  constexpr std::string_view client = "client/";
  std::uint32_t number = 0;
  const auto* const end = name.data() + name.size();
  if (name.compare(0, client.size(), client) != 0) j.at(key).fail("is no actor");
  const auto [last, error] = std::from_chars(name.data() + client.size(), end, number);
  if (error != std::errc{} || last != end ||
      number > std::numeric_limits<record::NodeId>::max() - record::first_client_node)
    j.at(key).fail("is no actor");
  return record::first_client_node + number;
}

Event event(const JsonPlace& j) {
  Event e;
  e.time = j.within("t", 0, latest);
  e.type = named(j, "event", EventType::calibrate_result);
  e.from = node(j, "from");
  e.to = node(j, "to");
  e.sent = j.within("sent", 0, latest);
  e.job = j.get<std::uint64_t>("job");
  e.version = j.get<std::uint64_t>("version");
  e.epoch = j.get<std::uint64_t>("epoch");
  e.bytes = j.get<std::uint64_t>("bytes");
  return e;
}

Decision decision(const JsonPlace& j) {
  Decision d;
  d.time = j.within("t", 0, latest);
  d.kind = named(j, "decision", Decision::Kind::diverged);
  d.client = j.at("client").value().is_null() ? record::no_client : j.get<std::uint32_t>("client");
  d.version = j.get<std::uint64_t>("version");
  d.epoch = j.get<std::uint64_t>("epoch");
  d.staleness = j.get<std::uint64_t>("staleness");
  d.weight = j.figure("weight").value_or(std::numeric_limits<double>::quiet_NaN());
  if (j.has("updates_lost")) d.updates_lost = j.get<std::int64_t>("updates_lost");
  return d;
}

}  // namespace

std::vector<LogRecord> read_events(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw ReportError(file.string() + ": cannot be opened");
  std::vector<LogRecord> out;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const auto json = parse_json(line, file.string(), number);
    const JsonPlace j(json, fmt::format("{}:{}", file.string(), number));
    if (j.has("event"))
      out.emplace_back(event(j));
    else
      out.emplace_back(decision(j));
  }
  return out;
}

}  // namespace afu::figures
