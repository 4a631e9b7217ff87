#pragma once
/// Where a value stands on an axis, and which values are written there.
#include <string>
#include <vector>

#include "page/svg.hpp"

namespace afu::page::svg {

struct Tick {
  double at;
  std::string text;
};
/// About `wanted`, at 1, 2 or 5 times a power of ten; a logarithmic axis has its powers of ten.
std::vector<Tick> ticks_of(const Axis& axis, int wanted);
/// 0 at the axis' low end, 1 at its high end.
double share_of(const Axis& axis, double value);

}  // namespace afu::page::svg
