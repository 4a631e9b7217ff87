// What a node and a run read from each other, on arbitrary bytes: they are taken or refused with a WireError, and never anything
// else. The bytes are tried as a connection, with and without the proof of the token before them, and as the value that a frame holds, under a
// checksum that fits, since no mutation finds that. Vectors are opaque here: their own reader needs LibTorch.
//   clang++ -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Isrc -I. tests/fuzz/wire.cpp src/wire/*.cpp
//   src/job/bytes.cpp src/base/sha256.cpp src/base/json_depth.cpp -lfmt -lcrypto
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "base/sha256.hpp"
#include "tests/fuzz/harness.hpp"
#include "wire/flow.hpp"
#include "wire/handshake.hpp"
#include "wire/session.hpp"
#include "wire/values.hpp"

using namespace afu;

namespace afu::model {
std::vector<std::uint8_t> to_bytes(const ParametersPtr&) { std::abort(); }  // nothing here has one
ParametersPtr from_bytes(const std::vector<std::uint8_t>&) { return nullptr; }
}  // namespace afu::model

namespace {

struct FuzzJob {
  static constexpr const char* name = "fuzz";
  model::ParametersPtr base;
  base::IndicesPtr rows;
  base::StreamKey key;
  double lr = 0;
  std::vector<std::pair<double, std::string>> pairs;
  std::optional<std::uint8_t> small;
};
AFU_FIELDS(FuzzJob, base, rows, key, lr, pairs, small)
job::JobResult run(engine::Workspace&, const FuzzJob&) { return {}; }

const std::vector<job::JobType> types{job::type_of<FuzzJob>()};
const wire::VectorOf no_vector = [](const wire::Name&) { return model::ParametersPtr{}; };

template <class Read>
void tried(const Read& read) try {
  read();
} catch (const wire::WireError&) {
  // the only answer to bad input
}

/// What either end makes of a frame after the handshake.
struct End {
  wire::Assembly assembly;
  wire::Shelf shelf;
  wire::Outbox outbox;
  wire::Credit credit;

  void take(const wire::Frame& frame) {
    using wire::Kind;
    switch (frame.kind) {
      case Kind::session:
        wire::session_from(frame);
        break;
      case Kind::offer:
        wire::offer_from(frame);
        break;
      case Kind::chunk:
        credit.spend();
        [[fallthrough]];
      case Kind::vector:
        if (const auto whole = assembly.take(frame, 1 << 20)) shelf.put(whole->name, whole->bytes);
        if (frame.kind == Kind::chunk) credit.give_back();
        break;
      case Kind::credit:
        outbox.take_credit(frame);
        break;
      case Kind::assignment:
        wire::assignment_from(frame, types, no_vector);
        break;
      case Kind::results:
        wire::results_from(frame, no_vector);
        break;
      case Kind::forget:
        for (const auto& name : wire::names_to_forget(frame)) shelf.forget(name);
        break;
      case Kind::refusal:
        wire::text_of_refusal(frame);
        break;
      default:
        break;
    }
  }
};

void connection(const std::uint8_t* data, std::size_t size, bool trusted) {
  wire::Handshake handshake(wire::Role::node, wire::Token("0123456789abcdef"), wire::Nonce{});
  wire::FrameReader reader(trusted ? wire::most_after_proof : wire::most_before_proof);
  End end;
  tried([&] {
    for (std::size_t at = 0; at < size; at += 64) {
      reader.put(data + at, std::min<std::size_t>(64, size - at));
      while (const auto frame = reader.next())
        if (trusted)
          end.take(*frame);
        else
          handshake.take(*frame);
    }
  });
  if (handshake.complete()) std::abort();  // nobody guesses a proof
}

void value(const std::uint8_t* data, std::size_t size) {
  wire::Bytes bytes(data, data + size);
  base::Sha256 sum;
  sum.update(bytes.data(), bytes.size());
  const auto digest = sum.finish();
  bytes.insert(bytes.end(), digest.begin(), digest.end());
  tried([&] { wire::session_from({wire::Kind::session, bytes}); });
  tried([&] { wire::offer_from({wire::Kind::offer, bytes}); });
  tried([&] { wire::assignment_from({wire::Kind::assignment, bytes}, types, no_vector); });
  tried([&] { wire::results_from({wire::Kind::results, bytes}, no_vector); });
}

/// The bytes of sound values, without their checksum, and a sound connection.
std::map<std::string, std::string> seeds() {
  const wire::NameOf no_name = [](const model::ParametersPtr&) { return wire::Name{}; };
  FuzzJob fuzz;
  fuzz.pairs = {{0.5, "a"}};
  fuzz.rows = std::make_shared<const base::Indices>(base::Indices{1, 2});
  job::JobResult result;
  result.outputs = {nullptr};
  result.figures = {{"loss", 1}};
  wire::Offer offer;
  offer.devices = {{"cpu", "one", 1}};
  offer.lanes = 1;
  const auto assignment = wire::to_frame({1, {std::make_shared<const job::Job>(fuzz)}}, no_name);
  const auto results = wire::to_frame({1, {result}}, no_name);
  wire::Bytes stream;
  const wire::Frame frames[] = {wire::Handshake(wire::Role::run, wire::Token(), wire::Nonce{}).greeting(),
                                wire::announcement(wire::Name{}, 3),
                                {wire::Kind::chunk, {1, 2, 3}},
                                wire::forgetting({wire::Name{}}),
                                assignment,
                                results,
                                wire::refusal("no")};
  for (const auto& frame : frames) wire::append(stream, frame);
  const auto text = [](const wire::Bytes& bytes, std::size_t less = base::Sha256::size) {
    return std::string(bytes.begin(), bytes.end() - static_cast<std::ptrdiff_t>(less));
  };
  return {{"assignment", text(assignment.bytes)},
          {"results", text(results.bytes)},
          {"offer", text(wire::to_frame(offer).bytes)},
          {"session", text(wire::to_frame(wire::Session{"r", "f", "[a]", "k", 1}).bytes)},
          {"stream", text(stream, 0)}};
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  fuzz::write_seeds_if_asked(*argc, *argv, seeds());
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  connection(data, size, false);
  connection(data, size, true);
  value(data, size);
  return 0;
}
