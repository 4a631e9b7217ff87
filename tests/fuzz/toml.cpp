// Scenarios of arbitrary text: they are read and checked, or refused by ConfigError. One that is read is
// written out and read again as the same. Lines that begin with "--set " are overrides. Seeds: configs/.
#include "config/loader.hpp"

#include <algorithm>

#include "config/scenario.hpp"
#include "config/writer.hpp"
#include "harness.hpp"

namespace {

using namespace afu;

/// Methods with the names of real ones, which stand in LibTorch's layers.
const std::vector<config::PluginSection>& methods() {
  static const std::vector<config::PluginSection> sections = [] {
    std::vector<config::PluginSection> made;
    for (const char* name : {"none", "retrain", "afu_ic", "fedquit", "prune", "pga"}) {
      config::PluginSection s{name, "A method.", {}, {}, {}, {}};
      const double none = -1e300, any = 1e300;
      s.options.push_back({"flag", true, "A flag.", "", none, any, false, {}});
      s.options.push_back({"count", std::int64_t{3}, "A number.", "", 1, 100, false, {}});
      s.options.push_back({"rate", 0.5, "A rate.", "", 0, 1, false, {}});
      s.options.push_back({"kind", std::string("a"), "A choice.", "", none, any, false, {"a", "b"}});
      s.coordinations = {"concurrent", "blocking"};
      s.scopes = {"client", "samples"};
      made.push_back(std::move(s));
    }
    return made;
  }();
  return sections;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  std::string text;
  std::vector<std::string> overrides;
  const auto whole = fuzz::text_of(data, size);
  for (std::size_t at = 0; at < whole.size();) {
    const auto end = std::min(whole.find('\n', at), whole.size());
    if (whole.compare(at, 6, "--set ") == 0)
      overrides.push_back(whole.substr(at + 6, end - at - 6));
    else
      text += whole.substr(at, end - at) + "\n";
    at = end + 1;
  }
  const auto name = (folder / "fuzz.toml").string();
  try {
    const auto scenario = config::parse_scenario(text, name, overrides, methods());
    const auto written = config::to_toml(scenario, methods());
    if (config::to_toml(config::parse_scenario(written, name, {}, methods()), methods()) != written)
      std::abort();
  } catch (const config::ConfigError& e) {
    if (e.messages().empty()) std::abort();
  }
  return 0;
}
