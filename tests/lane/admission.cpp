#include "lane/admission.hpp"

#include <c10/core/CPUAllocator.h>
#include <torch/version.h>

#include <atomic>
#include <thread>

#include "engine/execute.hpp"
#include "lane/engine.hpp"
#include "tests/engine/fixture.hpp"
#include "train/train_job.hpp"

using namespace afu;
using job::JobResult;
using lane::Admission;

namespace {

JobResult failed(bool out_of_memory) {
  JobResult r;
  r.error = "train: something";
  r.out_of_memory = out_of_memory;
  return r;
}

/// The CPU's allocator, which runs out of memory at a large tensor as often as it is told to.
class Scarce final : public c10::Allocator {
 public:
  Scarce() : real_(c10::GetAllocator(c10::DeviceType::CPU)) {
    c10::SetAllocator(c10::DeviceType::CPU, this, 1);
  }
  ~Scarce() { c10::SetAllocator(c10::DeviceType::CPU, real_, 1); }
  Scarce(const Scarce&) = delete;
  Scarce& operator=(const Scarce&) = delete;

#if TORCH_VERSION_MAJOR * 100 + TORCH_VERSION_MINOR >= 203
  c10::DataPtr allocate(std::size_t bytes) override { return give(bytes); }
  void copy_data(void* to, const void* from, std::size_t n) const override { real_->copy_data(to, from, n); }
#else
  c10::DataPtr allocate(std::size_t bytes) const override { return give(bytes); }
#endif
  c10::DeleterFnPtr raw_deleter() const override { return real_->raw_deleter(); }

  mutable std::atomic<int> failures{0};
  std::size_t large = 0;

 private:
  c10::DataPtr give(std::size_t bytes) const {
    if (bytes >= large && failures > 0) {
      --failures;
      TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory. Tried to allocate ", bytes, " bytes.");
    }
    return real_->allocate(bytes);
  }
  c10::Allocator* real_;
};

}  // namespace

TEST_CASE("so many lanes as the admission's limit compute at a time") {
  Admission admission(2);
  std::atomic<int> active{0}, most{0};
  const auto lanes = [&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i)
      threads.emplace_back([&] {
        for (int k = 0; k < 5; ++k) {
          const Admission::Pass pass(admission);
          const int now = ++active;
          for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
          std::this_thread::sleep_for(std::chrono::milliseconds(2));
          --active;
        }
      });
    for (auto& t : threads) t.join();
  };
  lanes();
  CHECK(most == 2);
  CHECK(admission.narrow() == 1);
  most = 0;
  lanes();
  CHECK(most == 1);
  CHECK(admission.narrow() == 1);  // never none
}

TEST_CASE("a job that ran out of memory is tried once more, with one lane fewer, and that is said") {
  Admission admission(3);
  device::Notes notes;
  int runs = 0, releases = 0;
  const auto result = lane::run_through(
      admission, notes, "cuda:0", [&] { return ++runs == 1 ? failed(true) : JobResult{}; },
      [&] { ++releases; });
  CHECK(result.error == "");
  CHECK(runs == 2);
  CHECK(releases == 1);
  CHECK(admission.limit() == 2);
  CHECK(notes.all() ==
        std::vector<std::string>{"cuda:0: memory ran out; the job is tried once more with at most "
                                 "2 lanes at a time (train: something)"});
}

TEST_CASE("a job fails for good at the second time, and at once for any other reason") {
  Admission admission(1);
  device::Notes notes;
  int runs = 0;
  const auto run = [&](bool out_of_memory) {
    runs = 0;
    return lane::run_through(
        admission, notes, "cpu", [&] { return ++runs, failed(out_of_memory); }, [] {});
  };
  CHECK(run(false).error == "train: something");
  CHECK(runs == 1);
  CHECK(notes.all().empty());
  CHECK(run(true).out_of_memory);
  CHECK(runs == 2);
  REQUIRE(notes.all().size() == 2);
  CHECK(notes.all()[0].find("at most 1 lane at a time") != std::string::npos);
  CHECK(notes.all()[1].find("cpu: memory ran out again") == 0);
}

TEST_CASE("a lane whose allocator fails trains to the same result as one that has memory") {
  const auto images = test::tiny_images(120);
  lane::EngineSpec spec;
  spec.device = "cpu";
  spec.model = test::network("mlp");
  spec.channels = 1;
  spec.height = spec.width = 8;
  spec.classes = 3;
  spec.pool = engine::make_resident(images, torch::kCPU);
  spec.step = config::StepEngine::autograd;
  spec.admission = std::make_shared<Admission>(4);
  spec.notes = std::make_shared<device::Notes>();
  const auto engine = lane::Engine::make(spec);
  const test::Lane lane;
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, 120);
  job.batch_size = 120;
  const auto whole = engine->run(job);
  REQUIRE(whole.error == "");

  Scarce memory;
  memory.large = 120 * 64 * sizeof(float);  // a batch's images
  memory.failures = 1;
  const auto second = engine->run(job);
  REQUIRE(second.error == "");
  CHECK(at::equal(second.outputs.at(0)->values, whole.outputs.at(0)->values));
  CHECK(spec.admission->limit() == 3);
  REQUIRE(spec.notes->all().size() == 1);
  CHECK(spec.notes->all()[0].find(
            "cpu: memory ran out; the job is tried once more with at most 3 lanes at a time "
            "(train: CUDA out of memory") == 0);

  memory.failures = 2;
  const auto lost = engine->run(job);
  CHECK(lost.out_of_memory);
  CHECK(lost.error.find("train: CUDA out of memory. Tried to allocate 30720 bytes.") == 0);
  CHECK(lost.outputs.empty());
  CHECK(engine->run(job).error == "");
}
