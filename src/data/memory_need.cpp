#include "data/memory_need.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/host.hpp"
#include "config/scenario.hpp"
#include "data/dataset.hpp"

namespace afu::data {

std::uint64_t memory_need(const ImageCounts& c) {
  const auto images = static_cast<std::uint64_t>(c.train + c.val + c.test);
  const auto copies =
      static_cast<std::uint64_t>(c.copies) +
      (c.backdoor ? 2 * static_cast<std::uint64_t>(c.test) + static_cast<std::uint64_t>(c.train) : 0);
  constexpr std::uint64_t label_and_row = 16;
  const auto in_memory = c.mapped ? (c.altered ? images : 0) : 2 * images;
  return (in_memory + copies) * static_cast<std::uint64_t>(c.image_bytes) +
         (2 * images + copies) * label_and_row;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array units{"kB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes) / 1000;
  std::size_t u = 0;
  for (; value >= 1000 && u + 1 < units.size(); ++u) value /= 1000;
  return fmt::format("{:.1f} {}", value, units[u]);
}

void require_memory(const std::string& what, const ImageCounts& c, std::uint64_t available) {
  const auto need = memory_need(c);
  if (available > 0 && need > available)
    throw DataError(fmt::format(
        "{}: {} images of {} bytes take {} while they are divided among the clients, and {} is all "
        "that there is",
        what, c.train + c.val + c.test, c.image_bytes, bytes_text(need), bytes_text(available)));
}

std::int64_t shifted_copies(const config::Scenario& s, std::int64_t validation) {
  if (!s.partition.shift.any() || s.calibration.source != config::CalibrationSource::validation) return 0;
  return s.partition.clients * std::min(s.calibration.samples_per_environment, validation);
}

void check_phantom_memory(const config::DataSection& d, std::uint64_t available, std::int64_t copies) {
  ImageCounts c;
  c.train = d.limit > 0 ? std::min(d.limit, d.train_samples) : d.train_samples;
  c.val = d.val_samples;
  c.test = d.test_samples;
  c.image_bytes = d.channels * d.depth * d.image_size * d.image_size;
  c.backdoor = d.backdoor.trigger != config::Trigger::none;
  c.copies = copies;
  require_memory(fmt::format("data.train_samples = {}, val_samples = {}, test_samples = {}", d.train_samples,
                             d.val_samples, d.test_samples),
                 c, available);
}

void check_memory(const config::Scenario& s, std::uint64_t available) {
  // A timing run generates nothing: see actors::prepare.
  if (s.data.source == config::DataSource::phantom && s.scenario.execute == config::Execute::train)
    check_phantom_memory(s.data, available, shifted_copies(s, s.data.val_samples));
}

std::uint64_t usable_memory() { return base::host_info().memory_bytes; }

}  // namespace afu::data
