#pragma once
/// What a split or a partition deals out: single images, or subjects, whose images stay together.
#include <cstdint>
#include <vector>

#include "data/dataset.hpp"

namespace afu::data {

struct Unit {
  /// Of the image; of a subject, the label most of its images have (ties: the smallest).
  std::int64_t label = 0;
  Indices rows;
};

/// `rows` in groups that stay together: one a subject, in ascending order of subjects, or one a row where
/// `subjects` is empty. `subjects` and `labels` are indexed by row.
std::vector<Indices> group_rows(const Indices& rows, const std::vector<std::int64_t>& subjects);
/// The same groups with their labels.
std::vector<Unit> make_units(const Indices& rows, const std::vector<std::int64_t>& labels,
                             const std::vector<std::int64_t>& subjects);

/// The rows 0 to n-1.
Indices all_rows(std::int64_t n);

/// `total` divided in proportion to `weights` by largest remainders (ties: the first), none above its cap.
/// The sum is less than `total` only where the caps of the positive weights allow no more.
std::vector<std::int64_t> apportion(std::int64_t total, const std::vector<std::int64_t>& weights,
                                    const std::vector<std::int64_t>& caps);

}  // namespace afu::data
