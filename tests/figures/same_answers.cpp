#include "figures/same_answers.hpp"

#include <doctest/doctest.h>

using namespace afu;

namespace {

std::vector<record::MetricsRow> rows_of(const std::vector<bool>& same) {
  std::vector<record::MetricsRow> rows(same.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].version = 2 * i;
    rows[i].updates = 10 * i;
    rows[i].same_answers = same[i];
  }
  return rows;
}

}  // namespace

TEST_CASE("versions that answer every image alike are counted, and the first is named") {
  CHECK_FALSE(figures::same_answers_text({}).has_value());
  CHECK_FALSE(figures::same_answers_text(rows_of({false, false})).has_value());
  const std::string why =
      ": their network's units are dead or saturated, and nothing can be told from their figures; a smaller training.lr "
      "may keep it alive";
  CHECK(
      figures::same_answers_text(rows_of({false, true, false, true})) ==
      "all test images have the same answer in 2 of 4 evaluated versions, the first is version 2 (after 10 updates), the "
      "last one is among them" +
          why);
  CHECK(
      figures::same_answers_text(rows_of({false, false, true, false})) ==
      "all test images have the same answer in 1 of 4 evaluated versions, the first is version 4 (after 20 updates), the "
      "last one is not among them" +
          why);
}
