#include "cli/study_slurm.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <system_error>

#include "base/input_error.hpp"
#include "base/output_file.hpp"
#include "cli/study_estimate.hpp"
#include "cli/study_eta.hpp"
#include "cli/terminal.hpp"
#include "config/scenario.hpp"
#include "data/federated.hpp"
#include "record/run_folder.hpp"

namespace afu::cli {
namespace {

namespace fs = std::filesystem;

constexpr int cores_of_a_task = 4;  ///< where the user names none
/// LibTorch, its threads' stacks and arenas, logs: measured resident of a run of the quickstart, rounded up.
constexpr std::uint64_t program_bytes = 600u << 20;

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string time_text(double seconds) {
  const auto minutes = static_cast<std::int64_t>(std::ceil(seconds / 60));
  return fmt::format("{}-{:02}:{:02}:00", minutes / 1440, minutes / 60 % 24, minutes % 60);
}

}  // namespace

std::string slurm_script(const SlurmJob& job) {
  const auto folder = fs::absolute(job.folder);
  const auto mebibytes = (job.memory_bytes + (1u << 20) - 1) >> 20;
  std::string s = "#!/bin/bash\n";
  s += fmt::format("# Workers of the study {}. {}\n", job.study, job.why);
  s +=
      "# What these lines do not say (partition, account) is said by SBATCH_PARTITION, SBATCH_ACCOUNT and the like.\n";
  s += fmt::format("#SBATCH --job-name=afu-{}\n", job.study);
  s += fmt::format("#SBATCH --array=1-{}\n", job.array);
  s += "#SBATCH --ntasks=1\n";
  s += fmt::format("#SBATCH --cpus-per-task={}\n", job.cores);
  s += fmt::format("#SBATCH --mem={}M\n", mebibytes);
  if (job.gpus > 0) s += fmt::format("#SBATCH --gres=gpu:{}\n", job.gpus);
  s += fmt::format("#SBATCH --time={}\n", time_text(std::max(900.0, 2 * job.seconds)));
  s += "#SBATCH --requeue\n";
  s += "#SBATCH --open-mode=append\n";
  s += "#SBATCH --signal=B:TERM@120\n";  // in time to write a checkpoint
  s += fmt::format("#SBATCH --output={}\n", (folder / "slurm" / "%A_%a.log").string());
  s += fmt::format("exec {} study {} -o {} --worker -j {} --patience {:g}{}\n", shell_quoted(job.program),
                   shell_quoted(fs::absolute(job.file).string()), shell_quoted(folder.string()), job.cores,
                   job.patience, job.rerun_changed ? " --rerun-changed" : "");
  return s;
}

SlurmJob with_needs(SlurmJob job, const study::Plan& plan, const std::vector<std::size_t>& open, int jobs,
                    std::uint64_t cache_bytes) {
  std::error_code error;
  job.program = fs::read_symlink("/proc/self/exe", error).string();
  if (error) job.program = "afu";
  const auto share = static_cast<int>((open.size() + static_cast<std::size_t>(job.array) - 1) /
                                      static_cast<std::size_t>(job.array));
  job.cores = jobs > 0 ? jobs : std::clamp(share, 1, cores_of_a_task);
  std::uint64_t images = 0;
  for (auto i : open) {
    const auto& s = plan.cells[i].scenario;
    int gpus = 0;
    for (const auto& device : s.compute.devices) gpus += device.rfind("cuda", 0) == 0 ? 1 : 0;
    job.gpus = std::max(job.gpus, gpus);
    if (i != open.front() || s.scenario.execute == config::Execute::timing) continue;
    const auto data = data::federate(data::load_source(s.data, s.scenario.seed, s.file), s);
    images = 2 * data.pool->pixels.size();  // while they are made
  }
  const auto e = estimate(plan, open, job.cores);
  job.memory_bytes =
      program_bytes + cache_bytes + static_cast<std::uint64_t>(job.cores) * (images + (200u << 20));
  job.seconds = e.seconds * e.jobs / (static_cast<double>(job.cores) * job.array);
  job.why = fmt::format(
      "{} cells are open; a task is thought to take {} by the pace of the machine that wrote this.",
      open.size(), clock_text(job.seconds));
  return job;
}

int submit(const std::string& script, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder / "slurm", error);
  if (error)
    throw record::RunFolderError(
        fmt::format("cannot create folder '{}': {}", (folder / "slurm").string(), error.message()));
  const auto path = folder / "slurm" / "job.sh";
  base::write_whole(path, script);
  const int status = std::system(("sbatch " + shell_quoted(path.string())).c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    throw InputError(fmt::format("sbatch is not to be found; the script is '{}'", path.string()));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace afu::cli
