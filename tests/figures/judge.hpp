#pragma once
/// Claims judged on study folders whose figures are known.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "figures/verdicts.hpp"
#include "tests/figures/study_folder.hpp"

namespace afu::test {

using Judge = figures::Verdict (*)(const figures::Analysis&, std::size_t, std::size_t);

inline figures::Verdict judge(const SyntheticStudy& made, Judge claim) {
  const auto study = figures::read_study(made.folder.path());
  return claim(figures::Analysis(study), 0, study.subject);
}

/// A good study but for the subject's runs.
inline figures::Verdict judge_subject(Judge claim, const std::function<SyntheticRun(std::uint64_t)>& subject,
                                      const std::vector<std::uint64_t>& seeds = {1, 2, 3, 4, 5}) {
  SyntheticStudy other(seeds);
  other.arm("mine", "method", false, subject);
  other.arm("retrain", "reference", false, [](std::uint64_t) {
    SyntheticRun r;
    r.latency = 30;
    r.restarted = true;
    return r;
  });
  other.arm("barrier", "method", true, [](std::uint64_t) {
    SyntheticRun r;
    r.latency = 25;
    return r;
  });
  other.manifest["controls"] = {"leak"};
  other.arm("leak", "control", false, [](std::uint64_t seed) { return leaking(seed); });
  return judge(other, claim);
}

inline double step(std::uint64_t seed) {
  return static_cast<double>(seed) - 3;
}  // -2 ... 2: mean 0, sd sqrt(2.5)

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

}  // namespace afu::test
