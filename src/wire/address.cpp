#include "wire/address.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "base/input_error.hpp"

namespace afu::wire {
namespace {

/// 0, or the number of the error.
int error_of_connecting(int socket, const addrinfo& to, std::chrono::milliseconds patience) {
  if (::connect(socket, to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd writable{socket, POLLOUT, 0};
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    const int ready = ::poll(&writable, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return errno;
    if (ready == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
  }
}

}  // namespace

Address address_from(const std::string& text, bool any_port) {
  const auto fail = [&](const char* why) {
    throw InputError(
        fmt::format("'{}' is no address of a node: {}; allowed: HOST:PORT, as gpu1:4711", text, why));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) fail("it has no port");
  auto host = text.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    fail("an IPv6 address stands in brackets");
  if (host.empty() || host.find_first_of(" \t/,[]") != std::string::npos) fail("it has no host");
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

std::vector<Address> addresses_from(const std::string& text) {
  std::vector<Address> all;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    all.push_back(address_from(text.substr(begin, end - begin)));
    const auto same = [&](const Address& a) {
      return a.host == all.back().host && a.port == all.back().port;
    };
    if (std::count_if(all.begin(), all.end(), same) > 1)
      throw InputError(fmt::format("node {} is named twice", to_text(all.back())));
    begin = end + 1;
  }
  return all;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

int connect_to(const Address& address, std::chrono::milliseconds patience) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error =
          ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
      error != 0)
    throw std::runtime_error(::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  int error = EHOSTUNREACH;
  for (const auto* to = found; to; to = to->ai_next) {
    const int socket =
        ::socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol);
    error = socket < 0 ? errno : error_of_connecting(socket, *to, patience);
    if (socket >= 0 && error == 0) {
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return socket;
    }
    if (socket >= 0) ::close(socket);
  }
  throw std::runtime_error(std::generic_category().message(error));
}

}  // namespace afu::wire
