#pragma once
/// [compute].
#include <cstdint>
#include <string>
#include <vector>

#include "config/choices.hpp"

namespace afu::config {

struct ComputeSection {
  std::vector<std::string> devices{"cpu"};  ///< cpu, cuda:0, ... ; cuda: all visible; one named twice: as two
  std::int64_t lanes = 0;                   ///< a device; 0: as many as cores, or 8 a GPU
  std::int64_t lookahead = 0;               ///< finished jobs not joined yet, 0: 4 x lanes
  std::int64_t batched_clients = 1;         ///< most that a lane steps together; 0: a probe says
  StepEngine step = StepEngine::auto_;
  Precision precision = Precision::fp32;
  bool deterministic = true;       ///< changes what GPUs compute; of CPU lanes only what is promised
  std::vector<std::string> nodes;  ///< HOST:PORT, or slurm:PORT for each host of the job's allocation
  bool only_nodes = false;         ///< lanes of this machine compute nothing but merges
  std::string token_file;          ///< empty: no token, which is enough for nodes on this machine
  double node_patience = 5;        ///< seconds without a word after which a node counts as lost
  bool mixed_numerics = false;     ///< nodes too that may compute other bytes
};

}  // namespace afu::config
