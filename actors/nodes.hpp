#pragma once
/// The nodes of a run: `afu node` processes whose lanes compute beside its own. A lane on a node is a lane::Engine like any other, so whoever gives it
/// work need not know.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/node_options.hpp"
#include "lane/engine.hpp"
#include "record/records.hpp"
#include "sim/free_lanes.hpp"
#include "wire/session.hpp"

namespace afu::device {
class Notes;
}

namespace afu::actors {

class Nodes {
 public:
  /// Connects to all of them and has each load its data. `own`: what the run itself has, against which nodes are held. `notes` learn what lanes there
  /// are; options.tell is told at once which node is lost and which one is there again. Throws InputError that names the node: it is not there, has another token, another afu or other
  /// data, or, unless that is allowed, may compute other bytes where the run is deterministic.
  Nodes(NodeOptions options, wire::Session session, wire::Offer own, bool deterministic,
        std::shared_ptr<device::Notes> notes);
  /// Ends all connections: whoever waits for a node gets NodeLost.
  ~Nodes();
  Nodes(const Nodes&) = delete;
  Nodes& operator=(const Nodes&) = delete;

  /// A lane for each of the nodes' lanes, and as many again: while one job is computed the next one is on its way. A group is a node.
  std::vector<lane::EngineSpec> lanes(const lane::EngineSpec& like) const;
  std::vector<sim::LaneGroup> groups() const;
  /// Whether any node is there now. From any thread.
  bool any_there() const;
  /// Nobody will wait for a node any more. From any thread.
  void close();
  /// Notes what each node computed, and warns of each that was lost; that as records. At the run's end, once.
  std::vector<record::NodeRecord> conclude() const;

 private:
  struct Network;
  std::unique_ptr<Network> network_;
};

}  // namespace afu::actors
