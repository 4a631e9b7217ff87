#pragma once

namespace afu::config {
struct Scenario;
struct CalibrationSection;
struct ComputeSection;
struct ModelSection;
struct TrainingSection;
}  // namespace afu::config
