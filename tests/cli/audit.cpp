/// output.audit: what a run leaves for an outside checker. That it computes the same is tests/audit's to
/// show.
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/npz.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

std::vector<nlohmann::json> lines_of(const fs::path& file) {
  std::istringstream text(content(file));
  std::vector<nlohmann::json> all;
  for (std::string line; std::getline(text, line);) all.push_back(nlohmann::json::parse(line));
  return all;
}

}  // namespace

TEST_CASE("an audited run holds its data, rows, jobs and weights, all sealed; nothing else of it changes") {
  Folder f;
  std::ofstream(f.path / "tiny.toml") << tiny;
  const auto run = [&](const std::string& name, const std::string& more) {
    return afu_command(f, "run " + (f.path / "tiny.toml").string() + " -o " + (f.path / name).string() +
                              " --set unlearning.method=fedquit --set data.backdoor.trigger=patch" + more);
  };
  CHECK(run("plain", "").status == 0);
  const auto audited =
      run("audited", " --set output.audit=true --set 'output.audit_updates=[\"0/1\",\"2/99\"]'");
  CHECK(audited.status == 0);
  CHECK(audited.err.find("audit/ holds 6 files, ") != std::string::npos);
  CHECK(audited.err.find("\"2/99\" is not in audit/: no such update reached the server") !=
        std::string::npos);
  CHECK(!fs::exists(f.path / "plain/audit"));
  for (const char* same : {"events.jsonl", "metrics.csv"})
    CHECK(content(f.path / "plain" / same) == content(f.path / "audited" / same));

  const auto audit = f.path / "audited/audit";
  const auto seal = nlohmann::json::parse(content(f.path / "audited/files.json"))["files"];
  for (const char* name : {"run.json", "data.npz", "initial.npz", "jobs.jsonl", "updates.npz", "final.npz"})
    CHECK(seal["audit/" + std::string(name)]["bytes"] == fs::file_size(audit / name));

  const auto facts = nlohmann::json::parse(content(audit / "run.json"));
  const auto images = data::read_npz((audit / "data.npz").string());
  const auto rows = images.at("labels").size();
  CHECK(images.at("images").shape == std::vector<std::int64_t>{rows, 1, 8, 8});
  const auto& poisoned = facts["backdoor"]["poisoned"];
  CHECK(poisoned.size() == facts["backdoor"]["originals"].size());
  CHECK(!poisoned.empty());
  for (const auto& row : poisoned) {  // a white square in the corner, and the attack's label
    CHECK(images.at("labels").integer(row) == facts["backdoor"]["label"]);
    CHECK(images.at("images").bytes[static_cast<std::size_t>((row.get<std::int64_t>() + 1) * 64 - 1)] == 255);
  }
  CHECK(facts["clients"].size() == 3);
  CHECK(facts["requests"][0]["forget"] == facts["clients"][1]["train"]);
  CHECK(facts["layout"]["parameters"][1]["name"] == "fc.bias");

  std::size_t trained = 0, erased = 0;
  for (const auto& job : lines_of(audit / "jobs.jsonl")) {
    trained += job["kind"] == "train";
    if (job["kind"] != "erase") continue;
    ++erased;
    CHECK(job["kernel"] == "fedquit");
    CHECK(job["rows"][0] == facts["requests"][0]["forget"]);
  }
  std::size_t tasks = 0;
  for (const auto& event : lines_of(f.path / "audited/events.jsonl"))
    tasks += event.value("event", "") == "train_task";
  CHECK(trained >= tasks);  // some are still on their way at the end
  CHECK(erased == 1);
  CHECK(data::read_npz((audit / "updates.npz").string()).count("client_0_job_1") == 1);
  CHECK(data::read_npz((audit / "initial.npz").string()).at("initial").shape ==
        data::read_npz((audit / "final.npz").string()).at("final").shape);

  // --force takes away what the run without an audit does not write.
  CHECK(run("audited", " --force").status == 0);
  CHECK(!fs::exists(audit));
}

TEST_CASE("an audit is refused where nothing could be checked, and updates that no job can have") {
  Folder f;
  std::ofstream(f.path / "tiny.toml") << tiny;
  const auto why = [&](const std::string& set) {
    const auto a = afu_command(f, "check " + (f.path / "tiny.toml").string() + set);
    CHECK(a.status == 2);
    return a.err;
  };
  const auto has = [](const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  };
  const std::string audit = " --set output.audit=true";
  has(why(audit + " --set scenario.execute=timing"), "output.audit: true needs scenario.execute \"train\"");
  has(why(audit + " --set output.events=false"), "output.audit: true needs output.events = true");
  has(why(" --set 'output.audit_updates=[\"0/1\"]'"),
      "output.audit_updates[0]: \"0/1\" is given, which output.audit = true alone writes");
  for (const char* none : {"0", "0/0", "/3", "1/", "a/2", "1/2/3", "-1/2"})
    has(why(audit + " --set 'output.audit_updates=[\"" + none + "\"]'"),
        "names no job, allowed is \"CLIENT/JOB\"");
  has(why(audit + " --set 'output.audit_updates=[\"3/1\"]'"), "3 is outside [0, 2], partition.clients is 3");
}
