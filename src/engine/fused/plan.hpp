#pragma once
/// What the fused step does with a network: its layers, in order, and where in
/// two arenas of floats each keeps its activations and their gradients. Planned
/// once a network.
#include <cstdint>
#include <string>
#include <vector>

#include "device/cpu/kernels.hpp"
#include "device/cpu/planes.hpp"
#include "model/network.hpp"
#include "model/parameters.hpp"

namespace afu::engine::fused {

/// Planes in an arena: `offset` floats behind its beginning. Null (offset < 0):
/// there are none.
struct Field {
  std::int64_t offset = -1;
  device::cpu::Planes planes{};  ///< data null

  explicit operator bool() const { return offset >= 0; }
  device::cpu::Planes in(float* arena) const {
    auto p = planes;
    p.data = arena + offset;
    return p;
  }
  /// The same with its origin moved by so many rows and columns.
  Field moved(std::int64_t rows, std::int64_t columns) const;
  /// Whether it is one run of floats: nothing between rows and columns.
  bool dense() const;
};

struct Step {
  model::Layer::Kind kind{};
  Field in, out;                        ///< activations
  Field d_in, d_out;                    ///< gradients; no d_in where nothing before this layer is trained
  std::int64_t weight = -1, bias = -1;  ///< offsets in the flat parameters; -1: none

  device::cpu::Filter filter{}, reversed{};      ///< convolution: there, and back from d_out to d_in
  Field seen{}, d_seen{};                        ///< what their corners first see: `in` and `d_out`
                                                 ///< with their margins
  std::int64_t packed = 0, packed_reversed = 0;  ///< offsets among the packed weights

  device::cpu::Norm norm{};  ///< group norm; max pool: `pool` and `then_relu`
  std::int64_t kept = 0;     ///< group norm: its statistics, in the arena of activations
  Field most{}, place{};     ///< max pool, also a norm's: Maxima
};

struct Plan {
  std::vector<Step> steps;
  Field input, logits, d_logits;  ///< logits [classes, kLanes]
  /// Sizes in floats. Margins are zeros that nothing overwrites: the arenas
  /// begin as zeros.
  std::int64_t activations = 0, gradients = 0, packed = 0, scratch = 0;
};

/// Throws std::invalid_argument, saying which layer, where the fused step does
/// not have one. `layout`: of the network's parameters.
Plan make_plan(const std::vector<model::Layer>& layers, const model::InputShape& shape,
               const model::Layout& layout);

}  // namespace afu::engine::fused
