#include "config/checks_data.hpp"

#include <map>
#include <string>
#include <utility>

#include "config/checks_volumes.hpp"
#include "config/scenario.hpp"
#include "config/text.hpp"

namespace afu::config {
namespace {

/// Two columns of one name, or one that must be there and has none.
void columns(const ManifestColumns& c, const Fail& fail) {
  std::map<std::string, std::string> key_of;
  for (const auto& [key, name] : {std::pair<std::string, std::string>{"path", c.path},
                                  {"label", c.label},
                                  {"subject", c.subject},
                                  {"site", c.site},
                                  {"split", c.split},
                                  {"weight", c.weight}}) {
    const auto whole = "data.columns." + key;
    if (name.empty() && (key == "path" || key == "label"))
      fail(whole, "\"\" names no column, a manifest needs this one", {});
    const auto [first, fresh] = key_of.try_emplace(name, whole);
    if (!fresh && !name.empty())
      fail(whole, quoted(name) + " is " + first->second + " already", {first->second});
  }
}

}  // namespace

void check_data(const Scenario& s, const Fail& fail) {
  const auto& d = s.data;
  if (d.source != DataSource::phantom && d.path.empty())
    fail("data.path", "\"\" is no path, the source " + quoted(d.source) + " needs one", {"data.source"});
  if (d.task == DataTask::multi_label && d.source == DataSource::image_folder)
    fail(
        "data.task",
        "\"multi_label\" needs a source that tells several labels of an image, and one folder a class tells one; "
        "allowed are the sources phantom, npz and manifest",
        {"data.source"});
  if (d.task == DataTask::multi_label && d.source == DataSource::phantom && d.classes > 9)
    fail("data.classes",
         std::to_string(d.classes) + " is too many, allowed are 2 to 9 where data.task is \"multi_label\"",
         {"data.task"});
  if (d.channels == 2) fail("data.channels", "2 is unknown, allowed are 1, 3", {});
  if (is_files(d.source) && d.val_fraction + d.test_fraction >= 1)
    fail("data.test_fraction",
         number_text(d.test_fraction) + " and val_fraction " + number_text(d.val_fraction) +
             " leave no training images, allowed is a sum below 1",
         {"data.val_fraction", "data.source"});
  if (d.patients == PatientNames::hashed && d.patient_salt_file.empty())
    fail("data.patient_salt_file", "\"\" is no file, data.patients \"hashed\" needs one", {"data.patients"});
  if (d.intensity.mapping == IntensityMapping::window && !(d.intensity.low < d.intensity.high))
    fail("data.intensity.high",
         number_text(d.intensity.high) + " is not above data.intensity.low = " + number_text(d.intensity.low),
         {"data.intensity."});
  if (d.slices.first > d.slices.last)
    fail("data.slices.last",
         number_text(d.slices.last) + " is below data.slices.first = " + number_text(d.slices.first),
         {"data.slices.first"});
  columns(d.columns, fail);
  if (d.source != DataSource::npz) check_volumes(s, d.depth, fail);
  if (d.source == DataSource::phantom && d.depth > 1 && d.depth < 8)
    fail("data.depth",
         std::to_string(d.depth) + " is too few, allowed are 1, and 8 or more for the phantom's volumes",
         {"data.source"});
  if (s.partition.scheme == PartitionScheme::site && d.source != DataSource::manifest)
    fail("partition.scheme",
         "\"site\" needs sites, which data.source \"manifest\" alone tells; it is " + quoted(d.source),
         {"data.source"});
}

}  // namespace afu::config
