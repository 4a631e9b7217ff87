#include "device/blas.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cstdint>
#include <fstream>
#include <string>

using namespace afu::device;

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

// The sanitizers' shadow memory does not fit into any limit.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("where addresses are limited, OpenBLAS's buffers are asked for before it would wait for them") {
  CHECK_NOTHROW(require_blas_buffers(1));
  rlimit before{};
  getrlimit(RLIMIT_AS, &before);
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  auto limit = before;
  limit.rlim_cur = static_cast<rlim_t>(pages * 4096 + (std::int64_t{300} << 20));
  REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
  const bool two = [] {
    try {
      require_blas_buffers(2);
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }();
  std::string reason;
  try {
    require_blas_buffers(3);
  } catch (const std::exception& e) {
    reason = e.what();
  }
  setrlimit(RLIMIT_AS, &before);
  CHECK(two);
  if (blas_version().find("OpenBLAS") != std::string::npos)
    CHECK(reason.find("OpenBLAS needs for each thread that computes (here 3)") != std::string::npos);
}
#endif
