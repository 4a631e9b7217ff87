#include "data/source_checks.hpp"

#include <doctest/doctest.h>

#include <string>

#include "config/scenario.hpp"
#include "data/federated.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using config::DataSource;
using data::DataError;

namespace {

std::string refusal(const std::string& path, DataSource source) {
  config::DataSection section;
  section.source = source;
  section.path = path;
  return message_of<DataError>([&] { data::load_source(section, 1, ""); });
}

}  // namespace

TEST_CASE("what another source reads is refused, and that source is named") {
  const TempFolder folder;
  const auto write = [&](const char* name, const std::string& bytes) {
    write_file(folder / name, bytes);
    return folder / name;
  };
  for (const auto source : {DataSource::npz, DataSource::manifest})
    CHECK(contains(refusal(folder.string(), source),
                   fmt::format("a folder, which data.source = \"image_folder\" reads; the value is {}",
                               config::quoted(source))));
  const auto table = write("m.csv", "path,label\na.png,x\n");
  for (const auto source : {DataSource::npz, DataSource::image_folder})
    CHECK(contains(refusal(table, source), "m.csv: a table, which data.source = \"manifest\" reads"));
  const auto zip = write("a.npz", "PK\3\4 and more");
  for (const auto source : {DataSource::manifest, DataSource::image_folder})
    CHECK(contains(refusal(zip, source),
                   "a.npz: a zip archive, as .npz files are, which data.source = \"npz\" reads"));
  CHECK(contains(refusal(write("m.xlsx", std::string("PK\3\4\0", 5)), DataSource::manifest),
                 "m.xlsx: is a binary file, allowed is a table as text in UTF-8"));
}

TEST_CASE("what a source reads, what is not there and what nothing reads is left to the reader") {
  const TempFolder folder;
  write_file(folder / "m.txt", "path,label\n");
  CHECK_NOTHROW(data::check_kind(folder.string(), DataSource::image_folder));
  CHECK_NOTHROW(data::check_kind(folder / "m.txt", DataSource::manifest));
  CHECK_NOTHROW(data::check_kind(folder / "m.txt", DataSource::npz));
  CHECK_NOTHROW(data::check_kind(folder / "absent", DataSource::npz));
}
