#include "data/patients.hpp"

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "config/sections/data.hpp"
#include "data/dataset.hpp"
#include "data/input_file.hpp"

namespace afu::data {

Patients::Patients(const config::DataSection& section) : section_(section) {
  if (section.patients != config::PatientNames::hashed) return;
  constexpr std::uint64_t most = 1 << 16;
  salt_ = read_regular_file(section.patient_salt_file, most);
  if (salt_.empty()) throw DataError(section.patient_salt_file + ": is empty, a salt is expected");
}

std::string Patients::name_of(const std::string& patient_id) {
  if (section_.patients == config::PatientNames::clear) return patient_id;
  if (section_.patients == config::PatientNames::numbered)
    return fmt::format("patient {}", numbers_.try_emplace(patient_id, numbers_.size() + 1).first->second);
  constexpr std::size_t digits = 16;
  const char end = 0;
  base::Sha256 hash;
  hash.update(salt_.data(), salt_.size());
  hash.update(&end, 1);
  hash.update(patient_id.data(), patient_id.size());
  return "pid-" + hash.hex().substr(0, digits);
}

}  // namespace afu::data
