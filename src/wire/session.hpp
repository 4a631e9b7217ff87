#pragma once
/// What a run and a node tell each other before the first job: what is to be computed on, and what the node has.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "wire/frame.hpp"

namespace afu::wire {

/// Run to node.
struct Session {
  static constexpr const char* name = "session";
  std::string revision;  ///< of the run's program
  std::string file;      ///< of the scenario, to whose folder its paths are relative
  std::string scenario;  ///< resolved (config::to_toml): the node loads its data and builds its network by it
  std::string pool;      ///< content key of the run's data
  std::int64_t batched_clients = 1;  ///< so many clients' training at most is stepped together
};
AFU_FIELDS(Session, revision, file, scenario, pool, batched_clients)

struct OfferedDevice {
  std::string name;         ///< "cpu", "cuda:0"
  std::string description;  ///< the maker's name
  std::int64_t memory_bytes = 0;
};
AFU_FIELDS(OfferedDevice, name, description, memory_bytes)

/// Node to run; of the run itself what nodes are held against.
struct Offer {
  static constexpr const char* name = "offer";
  std::string host;
  std::string revision;
  std::vector<std::pair<std::string, std::string>> libraries;  ///< device::library_versions
  std::vector<OfferedDevice> devices;                          ///< that it computes on
  std::string bound_to_processor;  ///< why results may be other bytes on another one; empty: they are not
  std::string pool;                ///< content key of its data
  std::uint32_t lanes = 0;
};
AFU_FIELDS(Offer, host, revision, libraries, devices, bound_to_processor, pool, lanes)

Frame to_frame(const Session& session);
Frame to_frame(const Offer& offer);
/// Throw WireError.
Session session_from(const Frame& frame);
Offer offer_from(const Frame& frame);

/// Why the node cannot compute for the run at all; empty: it can.
std::string why_unusable(const Offer& run, const Offer& node);
/// Why its results may be other bytes than the run's own; empty: they are the same.
std::string why_other_bytes(const Offer& run, const Offer& node);

}  // namespace afu::wire
