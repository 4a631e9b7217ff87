#pragma once
/// What the subjects of DICOM files are called: their PatientID stands in no output unless the scenario says so.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"

namespace afu::data {

class Patients {
 public:
  /// section.patient_salt_file is read where the names are hashes. Throws DataError where it cannot be, or is empty.
  explicit Patients(const config::DataSection& section);

  /// "patient 1", the first that was asked for; "pid-" and 16 hexadecimal digits, the first of SHA-256(salt, 0, PatientID);
  /// or the PatientID.
  std::string name_of(const std::string& patient_id);

 private:
  const config::DataSection& section_;
  std::vector<std::uint8_t> salt_;
  std::map<std::string, std::size_t> numbers_;
};

}  // namespace afu::data
