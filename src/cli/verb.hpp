#pragma once
/// The launcher is a table of verbs; one file a verb.
#include <CLI/CLI.hpp>

#include <functional>

#include "base/input_error.hpp"

namespace afu::cli {

/// The user's fault: exit status 2.
struct UsageError : InputError {
  using InputError::InputError;
};

/// Adds a verb's options to its sub-command; what it returns runs the verb and gives the exit status.
using Declare = std::function<int()> (*)(CLI::App&);

struct Verb {
  const char* name;
  const char* help;
  Declare declare;
};

std::function<int()> declare_run(CLI::App& app);
std::function<int()> declare_study(CLI::App& app);
std::function<int()> declare_check(CLI::App& app);
std::function<int()> declare_data(CLI::App& app);
std::function<int()> declare_devices(CLI::App& app);
std::function<int()> declare_node(CLI::App& app);
std::function<int()> declare_bench(CLI::App& app);
std::function<int()> declare_compare(CLI::App& app);
std::function<int()> declare_methods(CLI::App& app);
std::function<int()> declare_reference(CLI::App& app);
std::function<int()> declare_report(CLI::App& app);
std::function<int()> declare_man(CLI::App& app);
std::function<int()> declare_completions(CLI::App& app);

}  // namespace afu::cli
