#include "base/address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/input_error.hpp"

namespace afu::base {

Address address_from(const std::string& text, bool any_port) {
  const auto fail = [&](const char* why) {
    throw InputError(
        fmt::format("'{}' is no address of a node: {}; allowed: HOST:PORT, as gpu1:4711", text, why));
  };
  if (text.find_first_of(" \t\r\n") != std::string::npos) fail("it has a blank");
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) fail("it has no port");
  auto host = text.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    fail("an IPv6 address stands in brackets");
  if (host.empty()) fail("it has no host");
  if (host.find_first_of("/,[]") != std::string::npos) fail("its host has one of / , [ ]");
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc() || rest != end || (port == 0 && !any_port))
    fail("the port is none from 1 to 65535");
  return {std::move(host), port};
}

std::string to_text(const Address& a) {
  return fmt::format(a.host.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}", a.host, a.port);
}

void refuse_twice(const std::vector<Address>& addresses) {
  for (std::size_t i = 1; i < addresses.size(); ++i)
    if (std::find(addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(i), addresses[i]) !=
        addresses.begin() + static_cast<std::ptrdiff_t>(i))
      throw InputError(fmt::format("node {} is named twice", to_text(addresses[i])));
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

}  // namespace afu::base
