// What `afu data` and `afu check` tell of a data set, and what they refuse.
#include <string>

#include "support.hpp"
#include "tests/data/image_files.hpp"

using namespace afu::test;

namespace {

void write_set(const fs::path& folder) {
  for (const char* name : {"ill", "well"}) {
    fs::create_directories(folder / name);
    for (int i = 0; i < 5; ++i)
      write_flat_png((folder / name / (std::to_string(i) + ".png")).string(), name[0] == 'i' ? 10 : 200);
  }
}

}  // namespace

TEST_CASE("afu data finds a set in AFU_DATA_DIR, tells its checksum and what was left out") {
  Folder f;
  write_set(f.path / "sets/lungs");
  const char* before = std::getenv("AFU_DATA_DIR");
  const std::string kept = before ? before : "";
  setenv("AFU_DATA_DIR", (f.path / "sets").c_str(), 1);
  const auto first = afu_command(f, "data lungs");
  CHECK(first.status == 0);
  const auto line = [](const std::string& text) {
    const auto at = text.find("pixels     sha256 ");
    return at == std::string::npos ? std::string() : text.substr(at, text.find('\n', at) - at);
  };
  CHECK(line(first.out).size() == 18 + 64);
  std::ofstream(f.path / "sets/lungs/ill/notes.txt") << "x";
  const auto noted = afu_command(f, "data lungs");
  CHECK(line(noted.out) == line(first.out));
  CHECK(noted.out.find("note: 1 files in the class folders are no images by their names and were left out: 1 "
                       ".txt") != std::string::npos);
  write_flat_png((f.path / "sets/lungs/ill/0.png").string(), 11);
  CHECK(line(afu_command(f, "data lungs").out) != line(first.out));

  const auto missing = afu_command(f, "data hearts");
  CHECK(missing.status == 2);
  CHECK(missing.err.find("hearts: no such file or folder; tried ") != std::string::npos);
  CHECK(missing.err.find((f.path / "sets/hearts").string()) != std::string::npos);
  if (before)
    setenv("AFU_DATA_DIR", kept.c_str(), 1);
  else
    unsetenv("AFU_DATA_DIR");
}

TEST_CASE("a preview is written over no file that is there") {
  Folder f;
  write_set(f.path / "lungs");
  const auto file = f.path / "notes.csv";
  std::ofstream(file) << "mine";
  const auto refused = afu_command(f, "data " + (f.path / "lungs").string() + " --preview " + file.string());
  CHECK(refused.status == 2);
  CHECK(refused.err.find("notes.csv: is there already; --preview names another file") != std::string::npos);
  CHECK(content(file) == "mine");
}

TEST_CASE("a run says what was left out of its images") {
  Folder f;
  write_set(f.path / "lungs");
  std::ofstream(f.path / "lungs/ill/notes.txt") << "x";
  std::ofstream(f.path / "s.toml")
      << "[data]\nsource = \"image_folder\"\npath = \"lungs\"\nimage_size = 8\n"
         "[partition]\nclients = 2\nholdout_fraction = 0\n[model]\nname = "
         "\"logreg\"\n[calibration]\nsamples_per_environment = 1\n[stop]\nupdates "
         "= 2\n";
  const auto run =
      afu_command(f, "run " + (f.path / "s.toml").string() + " -q -o " + (f.path / "r").string());
  CHECK(run.status == 0);
  CHECK(run.err.find("warning: data: 1 files in the class folders") != std::string::npos);
}

TEST_CASE(
    "a manifest is written, edited to have sites, and its sites are called by name in all that a run tells") {
  Folder f;
  write_set(f.path / "lungs");
  const auto file = (f.path / "list.csv").string(), lungs = (f.path / "lungs").string();
  const auto written = afu_command(f, "data --write-manifest " + lungs + " -o " + file);
  CHECK(written.status == 0);
  CHECK(written.out == file + ": 10 rows\n");
  CHECK(file_bytes(file).find("path,label\nlungs/ill/0.png,ill\n") == 0);
  CHECK(afu_command(f, "data " + file).out.find("class 1: well") != std::string::npos);
  const auto again = afu_command(f, "data --write-manifest " + lungs + " -o " + file);
  CHECK(again.status == 2);
  CHECK(again.err.find("is there already") != std::string::npos);
  CHECK(afu_command(f, "data --write-manifest " + lungs + " --label group").status == 2);

  std::ofstream table(file);
  table << "path,label,site,split\n";
  for (const char* name : {"ill", "well"})
    for (int i = 0; i < 5; ++i)
      table << "lungs/" << name << '/' << i << ".png," << name << ',' << (i % 2 ? "Leiden" : "Gent") << ','
            << (i == 4 ? "test" : "train") << '\n';
  table.close();
  std::ofstream(f.path / "s.toml")
      << "[data]\nsource = \"manifest\"\npath = \"list.csv\"\nimage_size = 8\n"
         "[partition]\nscheme = \"site\"\nclients = 2\nholdout_fraction = 0.5\n"
         "[model]\nname = \"logreg\"\n[calibration]\nsource = \"clients\"\n"
         "samples_per_environment = 1\nsteps = 0\n[[erasure]]\nclient = 1\nat_update = 2\n"
         "[unlearning]\nmethod = \"none\"\n[output]\ntrace = true\n[stop]\nupdates = 6\n";
  const auto scenario = (f.path / "s.toml").string(), run = (f.path / "r").string();
  CHECK(afu_command(f, "data " + scenario).out.find("\n  1 Leiden ") != std::string::npos);
  const auto done = afu_command(f, "run " + scenario + " -o " + run);
  INFO(done.err);
  CHECK(done.status == 0);
  CHECK(done.out.find("client/1 (Leiden)") != std::string::npos);
  const auto summary = file_bytes(run + "/summary.json");
  CHECK(summary.find("\"site\": \"Leiden\"") != std::string::npos);
  CHECK(summary.find("\"sites\"") != std::string::npos);
  CHECK(file_bytes(run + "/trace.json").find("client/0 (Gent)") != std::string::npos);
  CHECK(afu_command(f, "report " + run).status == 0);
}

TEST_CASE("check refuses images that do not fit into memory, with figures") {
  Folder f;
  std::ofstream(f.path / "large.toml")
      << "[data]\ntrain_samples = 100000000\nimage_size = 1024\nchannels = 3\n[stop]\nupdates = 1\n";
  for (const char* verb : {"check ", "data "}) {
    const auto answer = afu_command(f, verb + (f.path / "large.toml").string());
    CHECK(answer.status == 2);
    CHECK(answer.err.find("data.train_samples = 100000000") != std::string::npos);
    CHECK(answer.err.find("all that there is") != std::string::npos);
  }
  const auto timing =
      afu_command(f, "check " + (f.path / "large.toml").string() + " --set scenario.execute=timing");
  CHECK(timing.status == 0);
}
