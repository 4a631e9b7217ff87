#include "compute/blas.hpp"

#include <doctest/doctest.h>

using namespace afu::compute;

TEST_CASE("OpenBLAS is told of vectors that it has missed, and of nothing else") {
  CHECK(better_blas_core("Prescott", "AVX-512") == "SkylakeX");
  CHECK(better_blas_core("Prescott", "AVX2") == "Haswell");
  CHECK(better_blas_core("Prescott", "128 bit") == "");
  CHECK(better_blas_core("SkylakeX", "AVX-512") == "");
  CHECK(better_blas_core("Zen", "AVX2") == "");
}

TEST_CASE("the advice names the value to set, where there is one") {
  CHECK_FALSE(blas_version().empty());
  const auto core = better_blas_core();
  if (core.empty())
    CHECK(blas_advice().empty());
  else
    CHECK(blas_advice().find("OPENBLAS_CORETYPE=" + core + " ") != std::string::npos);
}
