#include "wire/slurm_hosts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/input_error.hpp"

namespace afu::wire {
namespace {

constexpr std::size_t most_hosts = 65536;

class HostList {
 public:
  explicit HostList(const std::string& list) : list_(list) {}

  std::vector<std::string> all() {
    if (list_.empty()) fail("it names no host");
    for (std::size_t begin = 0; begin <= list_.size();) {
      const auto end = end_of_name(begin);
      expand({}, list_.substr(begin, end - begin));
      begin = end + 1;
    }
    return hosts_;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw InputError(
        fmt::format("'{}' is no list of Slurm's hosts: {}; allowed: as gpu[1-3,7],login", list_, why));
  }

  /// The next comma outside brackets.
  std::size_t end_of_name(std::size_t at) const {
    bool within = false;
    for (; at < list_.size() && (within || list_[at] != ','); ++at) {
      if (list_[at] == '[' ? within : list_[at] == ']' && !within) fail("a bracket has no other");
      if (list_[at] == '[' || list_[at] == ']') within = !within;
    }
    if (within) fail("a bracket has no other");
    return at;
  }

  /// Every host whose name begins with `before` and goes on as `rest` says.
  void expand(const std::string& before, const std::string& rest) {
    const auto open = rest.find('[');
    if (open == std::string::npos) {
      if (before.empty() && rest.empty()) fail("a name is empty");
      if (hosts_.size() == most_hosts) fail(fmt::format("it names more than {} hosts", most_hosts));
      hosts_.push_back(before + rest);
      return;
    }
    const auto close = rest.find(']', open);
    const auto after = rest.substr(close + 1);
    for (std::size_t begin = open + 1; begin <= close;) {
      const auto end = std::min(rest.find(',', begin), close);
      expand_range(before + rest.substr(0, open), rest.substr(begin, end - begin), after);
      begin = end + 1;
    }
  }

  void expand_range(const std::string& before, const std::string& range, const std::string& after) {
    const auto dash = range.find('-');
    const auto first = range.substr(0, dash),
               last = dash == std::string::npos ? first : range.substr(dash + 1);
    const auto from = number(first, range), to = number(last, range);
    if (to < from || to - from >= most_hosts) fail(fmt::format("'{}' is no range", range));
    for (auto i = from; i <= to; ++i) expand(before + fmt::format("{:0{}}", i, first.size()), after);
  }

  std::uint32_t number(const std::string& digits, const std::string& range) const {
    std::uint32_t value = 0;
    const auto* end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc() || rest != end) fail(fmt::format("'{}' is no range", range));
    return value;
  }

  const std::string& list_;
  std::vector<std::string> hosts_;
};

}  // namespace

std::vector<std::string> hosts_of(const std::string& list) { return HostList(list).all(); }

}  // namespace afu::wire
