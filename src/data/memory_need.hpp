#pragma once
/// Whether a data set fits into memory, asked before anything is loaded or generated.
#include <cstdint>
#include <string>

#include "config/scenario_fwd.hpp"

namespace afu::data {

/// Images of one size and what becomes of them.
struct ImageCounts {
  std::int64_t train = 0, val = 0, test = 0;
  std::int64_t image_bytes = 0;
  bool backdoor = false;    ///< poisoned and triggered copies are made
  std::int64_t copies = 0;  ///< others, at most
  bool mapped = false;   ///< from a file: the system takes their pages away and reads them again as it needs
  bool altered = false;  ///< each of them, by its site's scanner: what is altered is memory again
};

/// The bytes that a federation of these images takes while it is made: each image twice, as the source has it
/// and in the pool; at most two triggered copies of each test image and a poisoned one of each training
/// image; other copies; labels and row numbers. Of mapped images only the copies and what is altered count.
std::uint64_t memory_need(const ImageCounts& counts);

/// Throws DataError with the figures where memory_need(counts) exceeds `available` bytes. `what` begins the
/// message: the key or the file that asks for it.
void require_memory(const std::string& what, const ImageCounts& counts, std::uint64_t available);

/// The most copies of `validation` images that are made since sites' scanners differ: one for each place in
/// an environment, in which each stands at most once.
std::int64_t shifted_copies(const config::Scenario& scenario, std::int64_t validation);

/// What a scenario that generates its images asks for; of sources whose size stands in files nothing is known
/// before they are read (data::load_source then asks). Throws DataError as require_memory does.
void check_memory(const config::Scenario& scenario, std::uint64_t available);
/// The same for what make_phantom_source is to generate.
void check_phantom_memory(const config::DataSection& section, std::uint64_t available,
                          std::int64_t copies = 0);

/// The bytes that this process may use at most.
std::uint64_t usable_memory();

/// 1500000000 as "1.5 GB".
std::string bytes_text(std::uint64_t bytes);

}  // namespace afu::data
