#include "wire/connect.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace afu;

TEST_CASE("a port where nobody listens is an error with the system's reason") {
  CHECK_THROWS_WITH(wire::connect_to({"127.0.0.1", 1}, std::chrono::milliseconds(500)), "Connection refused");
}

TEST_CASE("why nobody can listen at an address is the system's reason, or there is none") {
  const int taken = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  REQUIRE(::bind(taken, reinterpret_cast<const sockaddr*>(&at), size) == 0);
  REQUIRE(::listen(taken, 1) == 0);
  REQUIRE(::getsockname(taken, reinterpret_cast<sockaddr*>(&at), &size) == 0);
  const auto port = ntohs(at.sin_port);
  CHECK(wire::why_not_listening({"127.0.0.1", port}) == "Address already in use");
  ::close(taken);
  CHECK(wire::why_not_listening({"127.0.0.1", port}) == "");
  CHECK(wire::why_not_listening({"203.0.113.7", 4711}) == "Cannot assign requested address");
}
