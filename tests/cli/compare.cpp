// First: its logging headers define a CHECK of their own, which doctest's must replace.
#include "model/model.hpp"
// clang-format off
#include <cmath>
#include <fstream>

#include "model/archive.hpp"
#include "model/parameters.hpp"
#include "support.hpp"
#include "config/sections/model.hpp"
// clang-format on

using namespace afu;
using namespace afu::test;

namespace {

/// Makes one weight of a run's model a number that is none.
void spoil(const std::filesystem::path& model) {
  config::ModelSection section;
  section.name = afu::config::Architecture::logreg;
  const model::InputShape shape{1, 8, 8, 2};
  const auto layout = model::make_layout(*model::make_model(section, shape));
  auto spoilt = *model::read_parameters(model.string(), layout);
  spoilt.values[3].fill_(std::nanf(""));
  model::save_model(section, shape, std::make_shared<const model::ParameterVector>(spoilt), model.string());
  std::filesystem::remove(model.parent_path() / "files.json");  // else the run counts as damaged
}

}  // namespace

TEST_CASE("compare: a model that is not finite is named, has no distances, and the status is 1") {
  Folder f;
  std::ofstream(f.path / "tiny.toml") << tiny;
  const auto run = [&](const char* name, const std::string& set) {
    const auto folder = (f.path / name).string();
    CHECK(afu_command(f, "run " + (f.path / "tiny.toml").string() + " -q -o " + folder + set).status == 0);
    return folder;
  };
  const auto ours = run("ours", "");
  const auto one = run("one", " --set unlearning.method=retrain --set model.init_seed=11");
  const auto two = run("two", " --set unlearning.method=retrain --set model.init_seed=12");
  const auto summary = f.path / "ours/summary.json";
  const auto told = content(summary);
  const auto complete = afu_command(f, "compare " + ours + " --reference " + one);
  CHECK(complete.status == 0);
  CHECK(complete.err.find("warning") == std::string::npos);
  fs::remove(f.path / "ours/files.json");  // with it the edited summary counts as damage
  for (const std::string ended : {"interrupted", "diverged"}) {
    auto text = told;
    text.replace(text.find("\"completed\""), 11, "\"" + ended + "\"");
    std::ofstream(summary) << text;
    const auto warned = afu_command(f, "compare " + ours + " --reference " + one);
    CHECK(warned.status == 0);
    CHECK(warned.out == complete.out);
    CHECK(warned.err.find("afu: warning: " + ours + ": " + ended +
                          ": its model is not that of a run that completed") != std::string::npos);
  }
  std::ofstream(summary) << told;
  spoil(f.path / "ours/model.pt");
  const auto csv = (f.path / "distances.csv").string();
  const auto c =
      afu_command(f, "compare " + ours + " --reference " + one + " --reference " + two + " --csv " + csv);
  CHECK(c.status == 1);
  CHECK(c.err.find(ours + ": parameters or answers of its model are not finite") != std::string::npos);
  CHECK(c.out.find("nan") == std::string::npos);
  const auto rows = content(csv);
  CHECK(rows.find("\n" + ours + ",mean,forget,js,\n") != std::string::npos);
  CHECK(rows.find("\n" + ours + ",mean,parameters,relative,\n") != std::string::npos);
  CHECK(rows.find("\nreferences,mean,forget,js,0") != std::string::npos);
  CHECK(rows.find("nan") == std::string::npos);
  // Two of them are not equal.
  spoil(f.path / "one/model.pt");
  CHECK(afu_command(f, "compare " + ours + " --reference " + one).out.find("1.0000") == std::string::npos);

  std::ofstream(f.path / "two/model.pt", std::ios::trunc) << "no archive";
  const auto damaged = afu_command(f, "compare " + ours + " --reference " + two);
  CHECK(damaged.status == 2);
  CHECK(damaged.err.find("two: damaged: model.pt has 10 bytes, not ") != std::string::npos);
  std::filesystem::remove(f.path / "two/files.json");
  const auto unsealed = afu_command(f, "compare " + ours + " --reference " + two);
  CHECK(unsealed.status == 2);
  CHECK(unsealed.err.find("two/model.pt: not a TorchScript file") != std::string::npos);
}
