#pragma once
/// Which claims a study can judge, and what its arms are compared with.
#include <string>
#include <vector>

#include "study/plan.hpp"

namespace afu::study {

/// Names subject and reference where the file does not, and gives every arm its role. The reference is the
/// arm "retrain", or else the first that retrains, or else the arm that just lets the client leave, or any:
/// with it tables compare, but claims about retraining cannot be made. The subject is "afu_ic", or the first
/// arm that is neither reference nor control.
void choose_arms(Plan& plan);

/// Leaves out the claims that the study cannot judge, with the reason; one that the file asks for is an error
/// of its line, which is returned: "file:line:col: study.claims: ...".
std::vector<std::string> choose_claims(Plan& plan);

}  // namespace afu::study
