#pragma once

namespace afu::config {
struct Scenario;
struct Backdoor;
struct CalibrationSection;
struct ComputeSection;
struct DataSection;
struct ModelSection;
struct PartitionSection;
struct TrainingSection;
}  // namespace afu::config
