#pragma once
/// From a scenario to the data of its run: the source, the pool and who owns which rows.
#include <cstdint>
#include <string>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "data/image_store.hpp"

namespace afu::data {

/// The data set of `section`, its training split cut to section.limit with the class mix kept. Relative
/// paths: see config::resolve_data_path. Decoded images are kept as data.cache says. `progress` is told while images are
/// decoded, from one thread at a time. Throws DataError.
Source load_source(const config::DataSection& section, std::uint64_t seed, const std::string& scenario_file,
                   const LoadProgress& progress = {});

/// Pool rows: train, val, test, then, where sites' scanners differ, copies of validation images that several
/// environments have, then the poisoned copies, then the triggered test images, then those with the
/// control trigger (data::control_trigger), then the poisoned copies of held-out samples. The copies carry
/// the target label and stand in the target client's `train` in place of their originals, which nobody trains
/// on; the triggered images are those of other classes and keep their true labels. Calibration environments
/// have the class mix of their client before poisoning, or are images of its own. A scanner's shift is on all
/// of a client's images, with or without a trigger; validation images that nobody takes keep their pixels.
/// Where the source's pixels are those of one file, the pool maps that file once more: what is altered or appended is its
/// own memory, the rest is not. Throws DataError where the scenario asks for what the data cannot give.
FederatedData federate(const Source& source, const config::Scenario& scenario);

}  // namespace afu::data
