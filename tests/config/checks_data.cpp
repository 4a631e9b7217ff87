// Checks of [data], its parts, and what a partition asks of them.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;

namespace {

/// The messages without their places.
std::vector<std::string> refusals(const std::string& text) {
  auto all = errors_of(text + "\n[stop]\nupdates = 200\n");
  for (auto& m : all) m = m.substr(m.find(": ") + 2);
  return all;
}
using Messages = std::vector<std::string>;
const std::string manifest = "[data]\nsource = \"manifest\"\npath = \"x.csv\"\n";

}  // namespace

TEST_CASE("a manifest needs columns of its own for paths and labels") {
  CHECK(refusals(manifest).empty());
  CHECK(refusals(manifest + "[data.columns]\nlabel = \"\"") ==
        Messages{"data.columns.label: \"\" names no column, a manifest needs this one"});
  CHECK(refusals(manifest + "[data.columns]\nsite = \"subject\"") ==
        Messages{"data.columns.site: \"subject\" is data.columns.subject already"});
  CHECK(refusals(manifest + "[data.columns]\nsite = \"\"\nweight = \"\"").empty());
}

TEST_CASE("sites come from a manifest") {
  CHECK(refusals(manifest + "[partition]\nscheme = \"site\"").empty());
  CHECK(
      refusals("[partition]\nscheme = \"site\"") ==
      Messages{
          "partition.scheme: \"site\" needs sites, which data.source \"manifest\" alone tells; it is \"phantom\""});
}

TEST_CASE("windows, slices and salts") {
  CHECK(refusals(manifest + "[data.intensity]\nmapping = \"window\"\nlow = 5\nhigh = 5") ==
        Messages{"data.intensity.high: 5.0 is not above data.intensity.low = 5.0"});
  CHECK(refusals(manifest + "[data.intensity]\nmapping = \"window\"\nlow = -200\nhigh = 300").empty());
  CHECK(refusals(manifest + "[data.slices]\nfirst = 0.5\nlast = 0.25") ==
        Messages{"data.slices.last: 0.25 is below data.slices.first = 0.5"});
  CHECK(refusals(manifest + "patients = \"hashed\"") ==
        Messages{"data.patient_salt_file: \"\" is no file, data.patients \"hashed\" needs one"});
}
