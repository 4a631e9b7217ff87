#pragma once
/// Images with any number of labels (multi-label): a set of labels is one int64, bit l of which says whether the image has
/// label l. So a label array keeps its type and size, rows are copied as they are, and -1 stays what is no answer; what
/// computes with labels gets them as 0 and 1, [rows, labels] (engine::ResidentPool).
#include <cstdint>

namespace afu::data {

inline constexpr std::int64_t most_labels = 62;  ///< that a set can have, so that no set is negative

constexpr bool has_label(std::int64_t set, std::int64_t label) { return ((set >> label) & 1) != 0; }
constexpr std::int64_t with_label(std::int64_t set, std::int64_t label) {
  return set | (std::int64_t{1} << label);
}
/// How many labels it has.
constexpr std::int64_t labels_in(std::int64_t set) {
  std::int64_t n = 0;
  for (; set > 0; set &= set - 1) ++n;
  return n;
}

}  // namespace afu::data
