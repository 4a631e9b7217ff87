#include "wire/connect.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
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

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

/// Throws std::runtime_error with the system's reason where the host is not known.
Addresses addresses_of(const base::Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error =
          ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
      error != 0)
    throw std::runtime_error(::gai_strerror(error));
  return {found, &::freeaddrinfo};
}

}  // namespace

int connect_to(const base::Address& address, std::chrono::milliseconds patience) {
  const auto list = addresses_of(address);
  int error = EHOSTUNREACH;
  for (const auto* to = list.get(); to; to = to->ai_next) {
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

void refuse_same_place(const std::vector<base::Address>& addresses) {
  std::map<std::string, base::Address> by_place;
  for (const auto& address : addresses) try {
      const auto list = addresses_of(address);
      for (const auto* to = list.get(); to; to = to->ai_next) {
        const std::string place(reinterpret_cast<const char*>(to->ai_addr), to->ai_addrlen);
        const auto& first = by_place.emplace(place, address).first->second;
        if (!(first == address))
          throw InputError(fmt::format("nodes {} and {} are the same one", to_text(first), to_text(address)));
      }
    } catch (const InputError&) {
      throw;
    } catch (const std::runtime_error&) {  // told where it is to be reached
    }
}

std::string why_not_listening(const base::Address& address) try {
  const auto list = addresses_of(address);
  int error = EADDRNOTAVAIL;
  for (const auto* to = list.get(); to; to = to->ai_next) {
    const int socket = ::socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);
    const int on = 1;
    if (socket >= 0) ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const bool can =
        socket >= 0 && ::bind(socket, to->ai_addr, to->ai_addrlen) == 0 && ::listen(socket, 1) == 0;
    if (!can) error = errno;
    if (socket >= 0) ::close(socket);
    if (can) return {};
  }
  return std::generic_category().message(error);
} catch (const std::runtime_error& e) {
  return e.what();
}

}  // namespace afu::wire
