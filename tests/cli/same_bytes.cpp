/// The same scenario gives the same bytes with each set of vectors, with each of OpenBLAS's kernels and with another C
/// library's and another SLEEF's functions. With LibTorch 1.13, Debian 12's, they are those that tests/golden/bytes names.
#include <dlfcn.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "device/cpu/kernels.hpp"
#include "device/devices.hpp"
#include "device/products.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

const fs::path root = AFU_SOURCE_DIR;

/// How a processor is played: what the environment says.
struct Processor {
  std::string kernels, blas, preload;
  std::string environment() const {
    return "AFU_KERNELS=" + kernels + " OPENBLAS_CORETYPE=" + blas +
           (preload.empty() ? "" : " LD_PRELOAD=" + preload);
  }
};

/// Those that this one can play. Prescott has no AVX: its products round otherwise than Haswell's. With it the last
/// bit of all functions of the C library and of SLEEF is turned over.
std::vector<Processor> processors() {
  std::vector<Processor> some;
  int count = 0;
  const auto* const* all = device::cpu::all_kernels(count);
  for (int i = 0; i < count; ++i) {
    const std::string name = all[i]->name;
    if (name == "AVX-512") some.push_back({name, "SkylakeX", ""});
    if (name == "AVX2") some.insert(some.end(), {{name, "Haswell", ""}, {name, "Prescott", AFU_PERTURBED}});
  }
  return some;
}

/// Whether this machine can promise what is tested; says so where not.
bool promises() {
  const auto bound = device::bound_to_processor();
  if (!bound.empty()) MESSAGE("skipped: " << bound);
  if (processors().size() == 2) MESSAGE("skipped: AVX-512, which this processor does not have");
  return bound.empty();
}

/// Whether the hashes that are kept are this LibTorch's: 2.6, Debian 13's, gives others.
bool hashes_are_of_this_libtorch() {
  for (const auto& [library, version] : device::library_versions())
    if (library == "LibTorch" && version.rfind("1.13.", 0) != 0) {
      MESSAGE("not compared with tests/golden/bytes, which LibTorch 1.13 wrote: this one is " << version);
      return false;
    }
  return true;
}

struct Expected {
  std::string hash, arguments;
};

/// Lines "hash arguments of afu run", as tools/write_golden.sh writes them.
std::vector<Expected> read_hashes(const char* file) {
  std::vector<Expected> all;
  std::ifstream in(root / "tests/golden/bytes" / file);
  for (std::string line; std::getline(in, line);)
    if (const auto space = line.find(' '); space != std::string::npos && line[0] != '#')
      all.push_back({line.substr(0, space), line.substr(space + 1)});
  return all;
}

/// What a run with these arguments ends with: the model's hash, and every file that real time is not in.
struct Ending {
  std::string hash;
  std::map<std::string, std::string> files;
};
Ending run(const Folder& f, const Processor& on, const std::string& arguments) {
  const auto folder = f.path / "run";
  const auto command = "cd " + root.string() + " && " + on.environment() + " " + AFU_BINARY + " run " +
                       arguments + " -q --force -o " + folder.string() + " > " + (f.path / "out").string() +
                       " 2>&1";
  CAPTURE(command);
  const int status = WEXITSTATUS(std::system(command.c_str()));
  REQUIRE_MESSAGE((status == 0 || status == 3), content(f.path / "out"));  // 3: a request is unserved
  Ending end;
  const auto summary = content(folder / "summary.json");
  const std::string key = "\"model_sha256\": \"";
  const auto at = summary.find(key);
  REQUIRE(at != std::string::npos);
  end.hash = summary.substr(at + key.size(), 64);
  CHECK(summary.find("\"same_bytes\": \"on every x86-64 processor with AVX2\"") != std::string::npos);
  for (const char* name : {"events.jsonl", "metrics.csv", "requests.csv", "attacks.csv"})
    end.files[name] = content(folder / name);
  return end;
}

void check(const char* file) {
  if (!promises()) return;
  const Folder f;
  const auto expected = read_hashes(file);
  REQUIRE(expected.size() > 2);
  const bool compare = hashes_are_of_this_libtorch();
  for (const auto& e : expected) {
    CAPTURE(e.arguments);
    std::map<std::string, std::string> first;
    std::string hash = compare ? e.hash : "";
    for (const auto& processor : processors()) {
      CAPTURE(processor.environment());
      const auto end = run(f, processor, e.arguments);
      if (hash.empty()) hash = end.hash;
      CHECK(end.hash == hash);
      if (first.empty()) first = end.files;
      for (const auto& [name, bytes] : end.files) {
        CAPTURE(name);
        CHECK(bytes.size() > 0);
        CHECK((bytes == first.at(name)));
      }
    }
  }
}

}  // namespace

TEST_CASE("the other functions that a run is played with do differ from the C library's and from SLEEF's") {
  if (!promises()) return;
  void* const library = dlopen(AFU_PERTURBED, RTLD_NOW | RTLD_LOCAL);
  REQUIRE_MESSAGE(library, dlerror());
  for (const char* name : {"exp", "log", "log1p", "tanh", "sin", "cos"}) {
    CAPTURE(name);
    void *const other = dlsym(library, name), *const usual = dlsym(RTLD_NEXT, name);
    REQUIRE(other);
    REQUIRE(usual);
    using Function = double(double);
    CHECK(reinterpret_cast<Function*>(other)(0.7) != reinterpret_cast<Function*>(usual)(0.7));
  }
  for (const char* name : {"Sleef_expf8_u10", "Sleef_logf8_u10", "Sleef_tanhf8_u10", "Sleef_expd4_u10"}) {
    CAPTURE(name);
    CHECK(dlsym(library, name));
  }
  dlclose(library);
}

TEST_CASE("small runs give the same bytes on every processor") { check("hashes.txt"); }

TEST_CASE("a network without fused kernels promises its bytes for this processor only, and says so") {
  const Folder f;
  const auto answer =
      afu_command(f, "run " + (root / "tests/golden/bytes/small.toml").string() +
                         " --set model.name=resnet18 --set stop.updates=9 -o " + (f.path / "r").string());
  REQUIRE_MESSAGE(answer.status == 0, answer.err);
  const std::string words = "on this processor only: the network goes through LibTorch's operators";
  CHECK((answer.out + answer.err).find("same bytes " + words) != std::string::npos);
  CHECK(content(f.path / "r/summary.json").find("\"same_bytes\": \"" + words) != std::string::npos);
}

TEST_CASE("kernels that this processor does not have are refused by name") {
  const Folder f;
  std::ofstream(f.path / "s.toml") << tiny;
  const auto command = "AFU_KERNELS=AVX9 " + std::string(AFU_BINARY) + " run " +
                       (f.path / "s.toml").string() + " -o " + (f.path / "r").string() + " 2> " +
                       (f.path / "err").string();
  CHECK(WEXITSTATUS(std::system(command.c_str())) == 2);
  CHECK(content(f.path / "err").find("AFU_KERNELS is \"AVX9\"; this processor has: ") != std::string::npos);
  CHECK_FALSE(fs::exists(f.path / "r"));
}

TEST_SUITE("slow") {
  TEST_CASE("the quickstart, each method and each rule give the same bytes on every processor") {
    check("hashes_slow.txt");
  }
}
