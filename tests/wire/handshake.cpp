#include "wire/handshake.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/input_error.hpp"
#include "tests/record/temporary_folder.hpp"

using namespace afu;
using wire::Handshake;
using wire::Kind;
using wire::Role;
using wire::Token;

namespace {

std::string hex(const wire::Proof& p) {
  std::string text;
  for (const auto byte : p) text += "0123456789abcdef"[byte >> 4], text += "0123456789abcdef"[byte & 15];
  return text;
}

const Token token("a secret of the laboratory"), other("a secret of somebody else");
constexpr wire::Nonce first{1}, second{2};

}  // namespace

TEST_CASE("HMAC-SHA-256 gives the values of RFC 4231") {
  CHECK(hex(wire::hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex(wire::hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hex(wire::hmac_sha256(std::string(131, '\xaa'),
                              "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("a run and a node that share a token come to trust each other") {
  Handshake run(Role::run, token, first), node(Role::node, token, second);
  CHECK_FALSE(node.take(run.greeting()));
  const auto proof = run.take(node.greeting());
  REQUIRE(proof);
  CHECK_FALSE(node.complete());
  const auto in_return = node.take(*proof);
  REQUIRE(in_return);
  CHECK(node.complete());
  CHECK_FALSE(run.complete());
  CHECK_FALSE(run.take(*in_return));
  CHECK(run.complete());
}

TEST_CASE("who has another token is told so, whoever it is") {
  Handshake run(Role::run, token, first), node(Role::node, other, second);
  node.take(run.greeting());
  const auto proof = run.take(node.greeting());
  CHECK_THROWS_WITH_AS(node.take(*proof),
                       "the run has another token, or one of the two has none (--token-file)",
                       wire::WireError);
  // A node that accepts everybody still has to prove that it knows the token.
  CHECK_THROWS_WITH_AS(run.take({Kind::proof, wire::Bytes(32, 0)}),
                       "the node has another token, or one of the two has none (--token-file)",
                       wire::WireError);
}

TEST_CASE("a proof is of one connection and of one side") {
  Handshake run(Role::run, token, first), again(Role::run, token, first), node(Role::node, token, second);
  const auto proof = run.take(node.greeting());
  again.take(node.greeting());
  CHECK_THROWS_AS(again.take(*proof), wire::WireError);  // handed back to who gave it
  Handshake later(Role::node, token, wire::fresh_nonce());
  later.take(run.greeting());
  CHECK_THROWS_AS(later.take(*proof), wire::WireError);  // overheard, and said again
}

TEST_CASE("what is no handshake is refused with the reason") {
  const auto fails = [](const wire::Frame& frame, const char* why) {
    Handshake node(Role::node, token, second);
    CHECK_THROWS_WITH_AS(node.take(frame), why, wire::WireError);
  };
  const auto greeting = Handshake(Role::run, token, first).greeting();
  auto changed = greeting;
  changed.bytes[0] ^= 1;
  fails(changed, "the peer is no afu: its greeting is another");
  changed = greeting;
  changed.bytes[8] = 77;
  fails(changed, "the peer speaks version 77 of the protocol, this afu version 1");
  changed.bytes.resize(12);  // of another version all may be another
  fails(changed, "the peer speaks version 77 of the protocol, this afu version 1");
  changed = greeting;
  changed.bytes.pop_back();
  fails(changed, "byte 12 of a frame (greeting): 32 more are expected, there are 31");
  changed.bytes.clear();
  fails(changed, "byte 0 of a frame (greeting): 8 more are expected, there are 0");
  fails({Kind::assignment, {}}, "a frame (assignment) where a greeting is expected");
  fails(wire::refusal("no\nroom"), "the peer refuses: no room");
}

TEST_CASE("a refusal is no longer than anybody takes") {
  CHECK(wire::refusal(std::string(5000, 'x')).bytes.size() == wire::most_before_proof);
}

TEST_CASE("a token is read from a file that only its owner can read") {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "token";
  const auto write = [&](const std::string& text, ::mode_t mode) {
    std::ofstream(file, std::ios::binary) << text;
    REQUIRE(::chmod(file.c_str(), mode) == 0);
  };
  const auto error = [&] {
    try {
      Token::read(file);
    } catch (const InputError& e) {
      const std::string text = e.what(), head = "token file '" + file.string() + "': ";
      CHECK(text.rfind(head, 0) == 0);
      return text.substr(head.size());
    }
    return std::string();
  };
  CHECK(error() == "No such file or directory");
  write("a secret of the laboratory\n", 0600);
  CHECK(error().empty());
  CHECK(Token::read(file).proof(Role::run, first, second) == token.proof(Role::run, first, second));
  write("a secret of the laboratory\n", 0640);
  CHECK(error() == "has mode 0640, so others than its owner can get at it; allowed: 0600 (chmod 600)");
  write("too short \n", 0600);
  CHECK(error() == "holds 9 bytes, allowed: 16 to 4096, as from `openssl rand -hex 32`");
  write(std::string(4097, 'x'), 0600);
  CHECK(error() == "holds more than 4096 bytes, allowed: 16 to 4096, as from `openssl rand -hex 32`");
  CHECK_THROWS_AS(Token::read(folder.path()), InputError);
}
