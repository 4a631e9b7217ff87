/// afu: the launcher. Exit status 0: done; 1: the run failed, or something could not be written; 2: the
/// user's input cannot be used; 3: done, but a request came to no end; 128 + n: ended by signal n in order (130: SIGINT), 141: the reader of what
/// was printed had gone.
#include <exception>
#include <functional>
#include <map>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>

#include "base/fault.hpp"
#include "base/input_error.hpp"
#include "cli/terminal.hpp"
#include "cli/usage.hpp"
#include "cli/verb.hpp"
#include "config/loader.hpp"
#include "data/dataset.hpp"
#include "device/devices.hpp"

namespace {

using afu::cli::Verb;

const Verb verbs[] = {
    {"run", "Runs a scenario and writes its folder", &afu::cli::declare_run},
    {"study", "Runs a study: many scenarios from one file", &afu::cli::declare_study},
    {"report", "Writes the report of a study or a run: HTML, Markdown, CSV, LaTeX, SVG",
     &afu::cli::declare_report},
    {"check", "Checks a scenario and prints it with every default", &afu::cli::declare_check},
    {"data", "Describes an npz file, an image folder or a scenario's federation", &afu::cli::declare_data},
    {"devices", "Lists devices, memory, lanes and library versions", &afu::cli::declare_devices},
    {"node", "Computes for runs on other machines: offers this one's lanes at an address",
     &afu::cli::declare_node},
    {"bench",
     "Measures the speed of training, merges, events, calibration and checkpoints, each beside its bound",
     &afu::cli::declare_bench},
    {"compare", "Measures how far runs are from retrained ones", &afu::cli::declare_compare},
    {"methods", "Lists the unlearning methods", &afu::cli::declare_methods},
    {"reference", "Prints the annotated reference of every scenario key", &afu::cli::declare_reference},
    {"man", "Prints the manual's page", &afu::cli::declare_man},
    {"completions", "Prints the completions of a shell", &afu::cli::declare_completions},
};

/// What is wrong, without the stack that LibTorch appends to its own.
std::string reason(const std::exception& e) {
  const std::string what = e.what();
  return what.substr(0, what.find("\nException raised from"));
}

int launch(int argc, char** argv) {
  CLI::App app{"afu: asynchronous federated unlearning on one node"};
  app.require_subcommand(1);
  app.set_version_flag(
      "--version", [] { return "afu " + afu::device::library_versions().front().second; },
      "Print version and revision");
  std::map<CLI::App*, std::function<int()>> run;
  for (const auto& v : verbs) {
    auto* sub = app.add_subcommand(v.name, v.help);
    run[sub] = v.declare(*sub);
  }
  afu::cli::call_verbs(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::ostringstream out, err;
    const int status = app.exit(e, out, err);
    afu::cli::write_output(out.str());
    if (status == 0) return 0;
    afu::cli::tell("{}", afu::cli::usage_fault(app, e));
    return 2;
  }
  try {
    if (const auto fault = afu::base::fault::arm_by_environment(); !fault.empty())
      afu::cli::tell("afu: warning: AFU_FAULT={}: faults happen on purpose\n", fault);
    afu::device::prepare_process();
    return run.at(app.get_subcommands().front())();
  } catch (const afu::config::ConfigError& e) {  // each of its lines names a place
    afu::cli::tell("{}\n", e.what());
    return 2;
  } catch (const afu::InputError& e) {
    afu::cli::tell("afu: {}\n", e.what());
    return 2;
  } catch (const afu::data::DataError& e) {
    afu::cli::tell("afu: {}\n", e.what());
    return 2;
  } catch (const std::bad_alloc&) {
    afu::cli::tell("afu: memory ran out\n");
    return 1;
  } catch (const std::length_error&) {  // what a container says of a size that no memory has
    afu::cli::tell("afu: memory ran out\n");
    return 1;
  } catch (const std::exception& e) {
    afu::cli::tell("afu: {}\n", reason(e));
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  afu::cli::prepare_streams();
  return afu::cli::finish(launch(argc, argv));
}
