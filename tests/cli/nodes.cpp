/// What `afu node` and `afu run --nodes` refuse before anything listens or connects.
#include "tests/cli/support.hpp"

#include <sys/stat.h>

using namespace afu::test;

namespace {

const std::string scenario = std::string(AFU_SOURCE_DIR) + "/configs/quickstart.toml";

void refused(const Folder& f, const std::string& arguments, const std::string& words) {
  CAPTURE(arguments);
  const auto answer = afu_command(f, arguments);
  CHECK(answer.status == 2);
  CHECK_MESSAGE(answer.err.find(words) != std::string::npos, answer.err);
}

}  // namespace

TEST_CASE("a node that others can reach is not offered without a token") {
  const Folder f;
  refused(f, "node", "--listen is required");
  refused(f, "node --listen 0.0.0.0:4711", "takes work only from who knows its token: --token-file");
  refused(f, "node --listen gpu1",
          "'gpu1' is no address of a node: it has no port; allowed: HOST:PORT, as gpu1:4711");
  refused(f, "node --listen 127.0.0.1:0 --devices tpu", "tpu");
  refused(f, "node --listen 127.0.0.1:0 --patience 0", "--patience");
  const auto token = f.path / "token";
  std::ofstream(token) << "a secret that is long enough";
  ::chmod(token.c_str(), 0640);
  refused(f, "node --listen 127.0.0.1:0 --token-file " + token.string(), "has mode 0640");
  refused(f, "node --listen 203.0.113.7:4711 --token-file /dev/null", "is no regular file");
  ::chmod(token.c_str(), 0600);
  refused(f, "node --listen 203.0.113.7:4711 --token-file " + token.string(),
          "cannot listen at 203.0.113.7:4711: Cannot assign requested address");
}

TEST_CASE("a run's nodes are named in full, and what goes with them needs them") {
  const Folder f;
  const auto run = "run " + scenario + " -o " + (f.path / "run").string() + " ";
  refused(
      f, run + "--nodes gpu1:4711",
      "compute.token_file: nodes on other machines take work only from who knows their token: name its file, or --token-file");
  refused(f, run + "--nodes 127.0.0.1:1,127.0.0.1:1", "node 127.0.0.1:1 is named twice");
  refused(f, run + "--nodes localhost:1,127.0.0.1:1",
          "compute.nodes: nodes localhost:1 and 127.0.0.1:1 are the same one");
  refused(f, run + "--nodes 127.0.0.1", "it has no port");
  refused(f, run + "--nodes slurm:4711", "SLURM_JOB_NODELIST is not set, so this is no job of Slurm");
  for (const auto* option : {"--only-nodes", "--mixed-numerics", "--patience 7", "--token-file x"})
    refused(f, run + option, "go with --nodes or compute.nodes");
  refused(f, run + "--nodes 127.0.0.1:1 --set data.train_samples=400",
          "node 127.0.0.1:1: Connection refused");
  refused(f, run + "--set 'compute.nodes=[\"gpu1:4711\"]'",
          "compute.token_file: nodes on other machines take work only from who knows their token");
  refused(f, run + "--set 'compute.nodes=[\"127.0.0.1:1\"]' --set compute.token_file=x --nodes 127.0.0.1:2",
          "compute.token_file: x: no such file or folder");
  CHECK_FALSE(fs::exists(f.path / "run"));
}

TEST_CASE(
    "what is wrong with a flag is said of the flag, and an empty one or one that is no number is refused") {
  const Folder f;
  const auto run = "run " + scenario + " -o " + (f.path / "run").string() + " ";
  refused(f, run + "--nodes 127.0.0.1:1,", "--nodes: '' is no address of a node");
  refused(f, run + "--nodes 127.0.0.1:1 --token-file nosuch", "--token-file: token file 'nosuch'");
  refused(f, run + "--nodes ''", "is empty; without nodes: --set compute.nodes=[]");
  refused(f, run + "--nodes 127.0.0.1:1 --patience nan", "nan is no FLOAT in [0.2 - 3600]");
  refused(f, "node --listen 127.0.0.1:0 --patience nan", "nan is no FLOAT in [0.2 - 3600]");
  refused(f, "study " + scenario + " --cache-mb nan", "nan is no FLOAT in [0 - 1000000000]");
}

TEST_CASE("a study whose nodes cannot be reached does not begin") {
  const Folder f;
  refused(f,
          "study " + std::string(AFU_SOURCE_DIR) + "/tests/cluster/small.toml -o " +
              (f.path / "study").string() + " --nodes 127.0.0.1:1",
          "compute.nodes: node 127.0.0.1:1: Connection refused");
  CHECK_FALSE(fs::exists(f.path / "study" / "study.json"));
}

TEST_CASE("a job script is written where the nodes are those of an allocation that is not there yet") {
  const Folder f;
  const auto file = f.path / "slurm.toml";
  std::ofstream(file) << "[study]\nname = \"slurm\"\nbase = \"" << scenario << "\"\nseeds = [1]\n"
                      << "methods = [\"afu_ic\", \"retrain\"]\n[study.set]\n"
                      << "compute.nodes = [\"slurm:4711\"]\ndata.train_samples = 400\n";
  const auto study = "study " + file.string() + " -o " + (f.path / "study").string();
  const auto script = afu_command(f, study + " --sbatch -j 1");
  CHECK_MESSAGE(script.status == 0, script.err);
  CHECK(script.out.find("#SBATCH") != std::string::npos);
  refused(f, study, "compute.nodes: slurm:4711: SLURM_JOB_NODELIST is not set");
}

TEST_CASE("cells of a study that are computed at a time have nodes of their own") {
  const Folder f;
  const auto small = std::string(AFU_SOURCE_DIR) + "/tests/cluster/small.toml";
  const auto study = "study " + small + " -o " + (f.path / "study").string() + " --plan ";
  refused(
      f, study + "-j 3 --nodes 127.0.0.1:1,127.0.0.1:2",
      "-j 3: cells that are computed at a time need nodes of their own, and there are 2; allowed is at most -j 2");
  CHECK(afu_command(f, study + "-j 2 --nodes 127.0.0.1:1,127.0.0.1:2").status == 0);
  refused(f, study + "--only-nodes", "go with --nodes or compute.nodes");
  refused(f, "study " + small + " --sbatch --nodes 127.0.0.1:1", "name them by compute.nodes");
}
