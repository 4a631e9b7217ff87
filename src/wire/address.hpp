#pragma once
/// Where a node listens.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace afu::wire {

struct Address {
  std::string host;
  std::uint16_t port = 0;
};
/// "gpu1:4711", "10.0.0.2:4711", "[::1]:4711". Throws InputError that names `text`: no port, or none from 1 to 65535 (0 where
/// `any_port`), or no host.
Address address_from(const std::string& text, bool any_port = false);
std::string to_text(const Address& address);

/// Of names separated by commas; none twice. Throws InputError.
std::vector<Address> addresses_from(const std::string& text);

/// Whether only this machine can reach it: 127.0.0.0/8, ::1, localhost.
bool is_loopback(const std::string& host);

/// A connected TCP socket without delays (TCP_NODELAY), the caller's to close. Throws std::runtime_error with the system's reason where none comes about within
/// `patience`, for each of the host's addresses.
int connect_to(const Address& address, std::chrono::milliseconds patience);

}  // namespace afu::wire
