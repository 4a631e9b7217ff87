// Traces of arbitrary text: they are read or refused by std::runtime_error with file and line, and what is
// read answers questions in bounded time. The first byte says what the rest is a trace of.
#include <cmath>

#include "base/csv.hpp"
#include "config/scenario.hpp"
#include "harness.hpp"
#include "sim/availability.hpp"
#include "sim/distribution.hpp"

namespace {

using namespace afu;

void availability(const std::string& file, std::int64_t clients) {
  config::AvailabilityHeterogeneity a;
  a.model = config::AvailabilityModel::trace;
  a.path = file;
  a.dropout_probability = 0.25;
  sim::Availability on(a, 1, clients);
  for (std::int64_t c = 0; c < clients; ++c) {
    double t = 0;
    for (int i = 0; i < 20 && std::isfinite(t); ++i) {
      const double begin = on.next_on(c, t);
      if (begin < t) std::abort();
      t = on.finish(c, begin, 0.5 * i);
      if (t < begin) std::abort();
      on.dropout(c, static_cast<std::uint64_t>(i));
    }
  }
}

void distribution(const std::string& file) {
  config::Distribution d;
  d.kind = "trace";
  d.parameters.clear();
  d.path = file;
  const sim::Sampler sampler(d);
  base::Stream stream({1, 2, 3, 4});
  for (std::uint64_t i = 0; i < 100; ++i) {
    const double v = sampler.draw(stream, i * 7);
    if (!(v >= 0) || !std::isfinite(v)) std::abort();
  }
  if (const auto mean = sampler.mean(); mean && std::isnan(*mean)) std::abort();
  static_cast<void>(sampler.constant());
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  fuzz::write_seeds_if_asked(*argc, *argv,
                             {{"value", std::string(1, '\0') + "value\n1\n# a comment\n2.5\n"},
                              {"availability", "\2client,on_seconds,off_seconds\n0,0,5\n0,7,1e3\n1,2.5,4\n"},
                              {"two_columns",
                               "\1\xEF\xBB\xBF"
                               "a,b\r\n 1 , 2 \r\n\r\n3,4e-5\r\n"}});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  if (size == 0) return 0;
  const auto file = folder / "trace.csv";
  fuzz::write_text(file, fuzz::text_of(data + 1, size - 1));
  try {
    switch (data[0] % 3) {
      case 0:
        distribution(file.string());
        break;
      case 1:
        base::read_csv(file.string(), {"a", "b"});
        break;
      default:
        availability(file.string(), 1 + data[0] % 4);
    }
  } catch (const std::runtime_error& e) {
    if (std::string(e.what()).rfind(file.string(), 0) != 0) std::abort();  // names the file first
  }
  return 0;
}
