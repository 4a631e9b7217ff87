/// afu bench scale: how far one node goes. Timing-only federations of 10 to 100,000 clients: events a second,
/// what an event costs, memory; each in a process of its own, so that its memory is its own.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

#include "base/random.hpp"
#include "bench/bench_timing.hpp"
#include "cli/bench_parts.hpp"
#include "cli/terminal.hpp"
#include "sim/event_queue.hpp"

namespace afu::cli {
namespace {

struct Options {
  std::vector<std::int64_t> clients{10, 100, 1'000, 10'000, 100'000};
  std::string json;
};

struct Row {
  TimingRun run;
  double peak_bytes = 0;  ///< resident, of the whole process, libraries included
  double queue_microseconds = 0;

  double events_per_second() const { return static_cast<double>(run.events) / run.wall; }
};

/// What an event costs at least: it is pushed and popped, with one event a client pending. CPU microseconds.
double queue_microseconds(std::int64_t clients) {
  constexpr std::int64_t kEvents = 500'000;
  struct Payload {
    std::uint64_t words[4] = {};
  };
  sim::EventQueue<Payload> queue;
  queue.reserve(static_cast<std::size_t>(clients));
  base::Stream stream({1, base::purpose("bench.queue"), 0, 0});
  for (std::int64_t i = 0; i < clients; ++i) queue.push(stream.uniform(), {});
  const auto took = bench::timed([&] {
    for (std::int64_t i = 0; i < kEvents; ++i) {
      auto event = queue.pop();
      queue.push(event.time + stream.uniform(), event.payload);
    }
  });
  return 1e6 * took.cpu / static_cast<double>(kEvents);
}

/// In a child: its peak of resident memory is that of this federation and of nothing else. Throws
/// std::runtime_error.
Row measure(std::int64_t clients) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error(fmt::format("pipe: {}", std::strerror(errno)));
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error(fmt::format("fork: {}", std::strerror(errno)));
  if (child == 0) {
    TimingRun run;
    int status = 1;
    try {
      run = run_timing_only(clients);
      status = write(ends[1], &run, sizeof run) == static_cast<ssize_t>(sizeof run) ? 0 : 1;
    } catch (const std::exception& e) {
      tell("afu: {}\n", e.what());
    }
    _exit(status);
  }
  close(ends[1]);
  Row row;
  const bool complete = read(ends[0], &row.run, sizeof row.run) == static_cast<ssize_t>(sizeof row.run);
  close(ends[0]);
  int status = 0;
  rusage usage{};
  while (wait4(child, &status, 0, &usage) < 0)
    if (errno != EINTR) throw std::runtime_error(fmt::format("wait4: {}", std::strerror(errno)));
  if (!complete || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error(fmt::format("the federation of {} clients failed", clients));
  row.peak_bytes = 1024.0 * static_cast<double>(usage.ru_maxrss);  // Linux counts kibibytes
  row.queue_microseconds = queue_microseconds(clients);
  return row;
}

int bench_scale(const Options& o) {
  nlohmann::ordered_json j{{"bench", "scale"}};
  print("{:>9} {:>10} {:>9} {:>12} {:>13} {:>16} {:>9} {:>16}\n", "clients", "events", "wall s", "events/s",
        "CPU us/event", "queue us/event", "peak MB", "more KB/client");
  std::fflush(stdout);  // a child would print it again
  Row least;
  for (const auto clients : o.clients) {
    const auto row = measure(clients);
    const auto& r = row.run;
    if (least.run.clients == 0) least = row;
    nlohmann::ordered_json bytes_per_client;  // null for the first, which the others are compared with
    std::string more = "-";
    if (clients > least.run.clients) {
      const double each =
          (row.peak_bytes - least.peak_bytes) / static_cast<double>(clients - least.run.clients);
      bytes_per_client = each;
      more = fmt::format("{:.2f}", each / 1024);
    }
    print("{:>9} {:>10} {:>9.3f} {:>12.0f} {:>13.3f} {:>16.3f} {:>9.1f} {:>16}\n", r.clients, r.events,
          r.wall, row.events_per_second(), r.microseconds(), row.queue_microseconds, row.peak_bytes * 1e-6,
          more);
    std::fflush(stdout);
    j["rows"].push_back({{"clients", r.clients},
                         {"events", r.events},
                         {"wall_seconds", r.wall},
                         {"cpu_seconds", r.cpu},
                         {"events_per_second", row.events_per_second()},
                         {"cpu_microseconds_per_event", r.microseconds()},
                         {"queue_microseconds_per_event", row.queue_microseconds},
                         {"peak_rss_bytes", row.peak_bytes},
                         {"bytes_per_further_client", bytes_per_client}});
  }
  if (!o.json.empty()) write_json(j, o.json);
  return 0;
}

}  // namespace

std::function<int()> declare_bench_scale(CLI::App& bench) {
  auto o = std::make_shared<Options>();
  bench.add_option("--clients", o->clients, "How many clients, one run each, fewest first")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  bench.add_option("--json", o->json, "Also write this file");
  return [o] { return bench_scale(*o); };
}

}  // namespace afu::cli
