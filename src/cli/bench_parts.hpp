#pragma once
/// What the files of `afu bench` share.
#include <CLI/CLI.hpp>

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace afu::cli {

/// Writes a bench's result with what every result says about where it was measured. Throws
/// std::runtime_error.
void write_json(nlohmann::ordered_json j, const std::string& path);

/// `afu bench events`.
std::function<int()> declare_bench_events(CLI::App& bench);

}  // namespace afu::cli
