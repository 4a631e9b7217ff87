#pragma once
/// Files and rows that cannot be used: counted and named, and refused above the share that the scenario sets.
#include <cstddef>
#include <string>
#include <vector>

#include "data/file_set.hpp"

namespace afu::data {

/// Notes what set.unusable holds of `listed` files or rows: each by its line, or, of a folder, the first hundred by name.
/// Throws DataError where they are more than `share` of them.
void tell_unusable(const FileSet& set, std::size_t listed, double share, Source& source);

/// "3-7, 12": ascending.
std::string lines_text(std::vector<std::size_t> lines);

/// The first ten of `all`, a line each, and how many more there are.
std::string some_of(const std::vector<std::string>& all);

}  // namespace afu::data
