// The manifest reader on arbitrary bytes: rows and unusable rows, or an error that says what is wrong, and never anything else.
// What table_cell writes must be read as it was.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "base/input_error.hpp"
#include "base/table_file.hpp"
#include "config/sections/data.hpp"
#include "data/dataset.hpp"
#include "data/manifest.hpp"
#include "harness.hpp"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  afu::fuzz::write_seeds_if_asked(
      *argc, *argv,
      {{"all", "path,label,subject,site,split\na.png,x,p1,s1,train\n\"b,1.png\",\"x \"\"y\"\"\",p2,s2,val\n"},
       {"tabs", "path\tlabel\n/a/b.dcm\t3\n../c.nii.gz\t0\n"},
       {"semicolons", "label;path\r\n1;a|b\r\n"},
       {"several", "path,label\na.png,2|0\nb.png,\nc.png,1\n"},
       {"weight", "path,label,weight\na,b,1\n"}});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = afu::fuzz::text_of(data, size);
  try {
    const auto table = afu::base::parse_table(text, "fuzz.csv");
    const auto set = afu::data::files_of_manifest(table, "sets/fuzz.csv", {});
    if (set.rows.size() + set.unusable.size() != table.rows.size()) std::abort();
    // A row's label is a class, or, where images may have several, a set of labels.
    const auto labels = set.label_bits > 0 ? std::int64_t{1} << set.label_bits
                                           : static_cast<std::int64_t>(set.class_names.size());
    for (const auto& row : set.rows)
      if (row.label < 0 || row.label >= labels) std::abort();
  } catch (const afu::InputError&) {
    // of the table
  } catch (const afu::data::DataError&) {
    // of its columns
  }
  const auto again = afu::base::parse_table("x,y\n" + afu::base::table_cell(text) + ",1\n", "again");
  if (again.rows.size() != 1 || again.rows[0].cells.size() != 2 || again.rows[0].cells[0] != text)
    std::abort();
  return 0;
}
