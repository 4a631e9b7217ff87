#pragma once
/// What is said of a command that cannot be understood. CLI11 calls verbs subcommands, and lists backwards what it did not
/// expect.
#include <CLI/CLI.hpp>

#include <string>

namespace afu::cli {

/// Has the help call verbs so. After all are declared.
void call_verbs(CLI::App& program);

/// What to tell, of several lines: unknown and missing verbs, unknown options in the order in which they stand, and else what
/// `fault` says.
std::string usage_fault(const CLI::App& program, const CLI::ParseError& fault);

}  // namespace afu::cli
