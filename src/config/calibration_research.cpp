#include "config/sections/calibration_research.hpp"

#include "config/sections/calibration.hpp"

namespace afu::config {

ResearchArms::ResearchArms() : keys_(std::make_unique<CalibrationResearch>()) {}
ResearchArms::ResearchArms(const ResearchArms& other)
    : keys_(std::make_unique<CalibrationResearch>(*other.keys_)) {}
ResearchArms& ResearchArms::operator=(const ResearchArms& other) {
  *keys_ = *other.keys_;
  return *this;
}
ResearchArms::~ResearchArms() = default;

}  // namespace afu::config
