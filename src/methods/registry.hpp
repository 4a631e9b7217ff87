#pragma once
/// The table of unlearning methods.
#include <string>
#include <vector>

#include "methods/method.hpp"

namespace afu::methods {

const std::vector<Method>& methods();
/// Throws std::invalid_argument, listing the methods, for an unknown name.
const Method& find_method(const std::string& name);
/// [unlearning.<name>] of every method, for the scenario parser and the reference.
std::vector<config::PluginSection> method_sections();
/// The coordination a scenario asks for ("default", "concurrent", "blocking"). Throws std::invalid_argument,
/// naming what is supported, for one that the method does not have.
Coordination coordination(const Method& method, config::CoordinationAsked asked);
/// What it can be asked to forget: who serves "samples" serves "subject" too.
std::vector<Scope> scopes_of(const Method& method);
/// What the server must keep for `method` in that scenario.
Needs needs_of(const Method& method, const config::Scenario& scenario);
/// Whether no client is left that asks for no erasure: calibration images are taken for such clients alone.
bool everybody_asks(const config::Scenario& scenario);

}  // namespace afu::methods
