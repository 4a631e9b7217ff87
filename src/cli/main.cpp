/// afu: the launcher. Exit status 0: done; 1: the run failed; 2: the user's input cannot be used; 130:
/// interrupted.
#include <fmt/core.h>

#include <exception>
#include <functional>
#include <map>
#include <string>

#include "cli/verb.hpp"
#include "compute/devices.hpp"
#include "config/input_error.hpp"
#include "config/loader.hpp"
#include "data/dataset.hpp"
#include "record/run_folder.hpp"

namespace {

using afu::cli::Verb;

const Verb verbs[] = {
    {"run", "Runs a scenario and writes its folder", &afu::cli::declare_run},
    {"study", "Runs a study: many scenarios from one file", &afu::cli::declare_study},
    {"report", "Writes the report of a study or a run: HTML, Markdown, CSV, LaTeX",
     &afu::cli::declare_report},
    {"check", "Checks a scenario and prints it with every default", &afu::cli::declare_check},
    {"data", "Describes an npz file, an image folder or a scenario's federation", &afu::cli::declare_data},
    {"devices", "Lists devices, memory, lanes and library versions", &afu::cli::declare_devices},
    {"bench", "Measures", &afu::cli::declare_bench},
    {"compare", "Measures how far runs are from retrained ones", &afu::cli::declare_compare},
    {"methods", "Lists the unlearning methods", &afu::cli::declare_methods},
    {"reference", "Prints the annotated reference of every scenario key", &afu::cli::declare_reference},
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"afu: asynchronous federated unlearning on one node"};
  app.require_subcommand(1);
  std::map<CLI::App*, std::function<int()>> run;
  for (const auto& v : verbs) {
    auto* sub = app.add_subcommand(v.name, v.help);
    run[sub] = v.declare(*sub);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int status = app.exit(e);
    return status == 0 ? 0 : 2;
  }
  try {
    afu::compute::prepare_process();
    return run.at(app.get_subcommands().front())();
  } catch (const afu::config::ConfigError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  } catch (const afu::data::DataError& e) {
    fmt::print(stderr, "afu: {}\n", e.what());
    return 2;
  } catch (const afu::record::RunFolderError& e) {
    fmt::print(stderr, "afu: {}\n", e.what());
    return 2;
  } catch (const afu::cli::UsageError& e) {
    fmt::print(stderr, "afu: {}\n", e.what());
    return 2;
  } catch (const afu::InputError& e) {
    fmt::print(stderr, "afu: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "afu: {}\n", e.what());
    return 1;
  }
}
