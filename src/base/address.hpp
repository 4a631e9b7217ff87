#pragma once
/// Where a node listens.
#include <cstdint>
#include <string>
#include <vector>

namespace afu::base {

struct Address {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const Address& other) const { return host == other.host && port == other.port; }
};
/// "gpu1:4711", "10.0.0.2:4711", "[::1]:4711". Throws InputError that names `text`: no port, or none from 1 to 65535 (0 where
/// `any_port`), or no host.
Address address_from(const std::string& text, bool any_port = false);
std::string to_text(const Address& address);

/// Throws InputError that names an address which is there twice.
void refuse_twice(const std::vector<Address>& addresses);

/// Whether only this machine can reach it: 127.0.0.0/8, ::1, localhost.
bool is_loopback(const std::string& host);

}  // namespace afu::base
