#pragma once
/// LibTorch's exponentials, logarithms and hyperbolic tangents on the CPU: base/elementary.hpp's.
///
/// A LibTorch that finds SLEEF and the C library as shared libraries, as distributions' do, looks their functions
/// up by name. functions.cpp defines those that its operators ask on a run's way to its model, metrics and
/// attacks in the program itself, where the loader finds them first. Vectors are gone through value by value: of
/// all that a run computes they are less than a hundredth.

namespace afu::device {

/// Whether LibTorch's operators of this process ask base/elementary.hpp. Tries them out.
bool own_functions();

}  // namespace afu::device
