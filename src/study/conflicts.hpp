#pragma once
/// Keys that two parts of a study set, so that one of them would silently lose.
#include <string>
#include <vector>

#include "study/study.hpp"

namespace afu::study {

/// One message each, "file:line:col: key: ...": a key that is the study's own (scenario.seed, output.folder);
/// two axes of one key; an arm that sets what an axis varies; a common setting that an axis replaces in every
/// cell; a key that stands twice in one `set`. Of two keys the one may be a section around the other.
std::vector<std::string> conflicts(const Study& study);

}  // namespace afu::study
