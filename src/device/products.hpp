#pragma once
/// BLAS, as far as LibTorch calls it with float and double, in an order of summation of our own.
///
/// A BLAS sums in an order that depends on the processor, and may round products or not. products.cpp defines
/// sgemm_, sgemv_, sdot_, saxpy_, sscal_ and their double namesakes in the program itself, where the loader
/// finds them before a library's. On a thread with model::fixed_order() they are the kernels' products, on
/// any other they pass the call on to the library. A LibTorch with MKL (PyPI's) asks that for exponentials and
/// the like as well, which no symbol here replaces.
#include <string>

namespace afu::device {

/// Why what this process computes on CPU lanes with fixed_order() may be other bytes on another x86-64
/// processor with AVX2; empty where it may not. Tries a product out.
std::string bound_to_processor();

}  // namespace afu::device
