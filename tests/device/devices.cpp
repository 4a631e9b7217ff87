#include "device/devices.hpp"

#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "device/stream.hpp"

using namespace afu::device;

TEST_CASE("the CPU is listed first, with cores and memory") {
  const auto devices = list_devices();
  REQUIRE_FALSE(devices.empty());
  const auto& cpu = devices[0];
  CHECK(cpu.name == "cpu");
  CHECK_FALSE(cpu.description.empty());
  CHECK(cpu.cores_or_sms >= 1);
  CHECK(cpu.memory_bytes > (std::int64_t{1} << 28));
  CHECK(cpu.free_bytes > 0);
  CHECK(cpu.free_bytes <= cpu.memory_bytes);
  for (std::size_t i = 1; i < devices.size(); ++i) CHECK(devices[i].name == "cuda:" + std::to_string(i - 1));
}

TEST_CASE("devices resolve by name, a repeated one stays repeated") {
  CHECK(resolve_devices({"cpu"}) == std::vector<std::string>{"cpu"});
  CHECK(resolve_devices({"cpu", "cpu"}) == std::vector<std::string>{"cpu", "cpu"});
  CHECK(resolve_devices({}).empty());
  CHECK(device_info("cpu").name == "cpu");
}

TEST_CASE("a device that is not there is refused with what there is") {
  for (const char* name : {"gpu", "cuda:99", "cuda:", "cuda:-1", "cuda:0x", "CPU", "", "cpu:0"}) {
    CAPTURE(name);
    try {
      resolve_devices({"cpu", name});
      FAIL("no error");
    } catch (const std::runtime_error& e) {
      const std::string text = e.what();
      CHECK(text.find("\"" + std::string(name) + "\"") != std::string::npos);
      CHECK(text.find("available: cpu") != std::string::npos);
    }
  }
  const auto gpus = list_devices().size() - 1;
  if (gpus == 0) {
    CHECK_THROWS_AS(resolve_devices({"cuda"}), std::runtime_error);
    CHECK_THROWS_AS(LaneStream("cuda:0"), std::exception);
  } else {
    CHECK(resolve_devices({"cuda"}).size() == gpus);
  }
}

TEST_CASE("lanes are admitted by free memory, a tenth of which stays unused") {
  DeviceInfo device;
  device.free_bytes = 1000;
  CHECK(admissible_lanes(device, 4, 225) == 4);
  CHECK(admissible_lanes(device, 4, 226) == 3);
  CHECK(admissible_lanes(device, 4, 900) == 1);
  CHECK(admissible_lanes(device, 4, 901) == 0);
  CHECK(admissible_lanes(device, 0, 1) == 0);
  CHECK(admissible_lanes(device, -1, 1) == 0);
  CHECK(admissible_lanes(device, 7, 0) == 7);
  device.free_bytes = std::int64_t{1} << 60;
  CHECK(admissible_lanes(device, 1 << 30, 1) == 1 << 30);
}

TEST_CASE("the peak covers what was allocated") {
  const auto tensor = torch::ones({64, 1024, 1024}, torch::kUInt8);
  CHECK(allocated_peak("cpu") > tensor.numel());
  CHECK_THROWS_AS(allocated_peak("tpu"), std::runtime_error);
}

TEST_CASE("library versions describe themselves") {
  const auto versions = library_versions();
  for (const char* name : {"afu", "LibTorch", "fmt", "BLAS", "kernels", "LibTorch's vectors"}) {
    CAPTURE(name);
    const auto at =
        std::find_if(versions.begin(), versions.end(), [&](const auto& v) { return v.first == name; });
    REQUIRE(at != versions.end());
    CHECK_FALSE(at->second.empty());
  }
  CHECK_FALSE(revision().empty());
}

TEST_CASE("process and lane threads compute on one thread") {
  prepare_process();
  CHECK(at::get_num_threads() == 1);
  int threads = 0;
  bool right = false;
  std::thread([&] {
    prepare_lane_thread();
    threads = at::get_num_threads();
    const auto w = torch::full({3}, 2.0, torch::requires_grad());
    (w * w).sum().backward();
    right = w.grad().equal(torch::full({3}, 4.0));
  }).join();
  CHECK(threads == 1);
  CHECK(right);
}

TEST_CASE("the CPU's stream times a section") {
  LaneStream stream("cpu");
  const LaneStream::Current current(stream);
  stream.begin();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  stream.end();
  stream.synchronize();
  CHECK(stream.seconds() >= 0.02);
  stream.begin();
  stream.end();
  CHECK(stream.seconds() < 0.02);
}

TEST_CASE("a GPU's stream runs, orders and times work" * doctest::test_suite("gpu")) {
  if (list_devices().size() == 1) {
    MESSAGE("skipped: no GPU is visible");
    return;
  }
  LaneStream stream("cuda:0");
  const LaneStream::Current current(stream);
  const auto a = torch::rand({512, 512}, torch::Device("cuda:0"));
  stream.begin();
  auto product = a;
  for (int i = 0; i < 20; ++i) product = product.matmul(a) / 512;
  stream.end();
  stream.synchronize();
  CHECK(stream.seconds() > 0);
  CHECK(product.isfinite().all().item<bool>());
  CHECK(allocated_peak("cuda:0") > a.numel() * 4);
}
