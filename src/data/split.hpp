#pragma once
/// Divides images among train, validation and test, or takes fewer of them, with the class mix kept.
#include <cstdint>
#include <vector>

#include "data/dataset.hpp"

namespace afu::data {

struct SplitRows {
  Indices train, val, test;
};

/// Deals out images or, where `subjects` is not empty, whole subjects. Of every class the first goes to
/// train, the second to test, the third to val (where their fractions are positive), every other one where
/// most is missing; the larger subjects first. Rows come in ascending order.
SplitRows split_rows(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& subjects,
                     double val_fraction, double test_fraction, std::uint64_t seed);

/// `limit` of `rows`, each class in its share; all of them where limit is 0 or not below their number.
/// Ascending.
Indices limited_rows(const Indices& rows, const std::vector<std::int64_t>& labels, std::int64_t limit,
                     std::uint64_t seed);

/// The subjects that stand in more than one of train, val and test; empty where subjects are unknown.
/// Ascending.
std::vector<std::int64_t> shared_subjects(const Source& source);

}  // namespace afu::data
