#pragma once
/// The launcher as a user meets it: commands, what they print, folders.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

namespace afu::test {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = fs::temp_directory_path() / ("afu-cli-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) MESSAGE("left behind: " << path.string() << ": " << error.message());
  }
};

inline std::string content(const fs::path& p) {
  std::ifstream in(p);
  std::stringstream s;
  s << in.rdbuf();
  return s.str();
}

struct Answer {
  int status;
  std::string out, err;
};
inline Answer afu_command(const Folder& f, const std::string& arguments) {
  const auto out = f.path / "out", err = f.path / "err";
  const auto command =
      std::string(AFU_BINARY) + " " + arguments + " > " + out.string() + " 2> " + err.string();
  const int status = std::system(command.c_str());
  return {WEXITSTATUS(status), content(out), content(err)};
}

inline const char* tiny = R"([scenario]
name = "tiny"
[data]
image_size = 8
classes = 2
train_samples = 120
val_samples = 90
test_samples = 20
[partition]
clients = 3
[model]
name = "logreg"
[[erasure]]
client = 1
at_update = 5
[stop]
updates = 12
)";

}  // namespace afu::test
