#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "page/progress.hpp"
#include "page/table.hpp"

using namespace afu::page;
using afu::record::Summary;

namespace {

/// A terminal of the test's own: what is written to `line` can be read from `host`.
struct Terminal {
  int host = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), line = -1;
  explicit Terminal(unsigned short columns) {
    if (host < 0 || ::grantpt(host) != 0 || ::unlockpt(host) != 0) return;
    line = ::open(::ptsname(host), O_RDWR | O_NOCTTY);
    const winsize size{24, columns, 0, 0};
    if (line >= 0) ::ioctl(line, TIOCSWINSZ, &size);
  }
  ~Terminal() {
    if (line >= 0) ::close(line);
    if (host >= 0) ::close(host);
  }
  std::string read() const {
    std::string out;
    char block[4096];
    for (ssize_t n; (n = ::read(host, block, sizeof block)) > 0;)
      out.append(block, static_cast<std::size_t>(n));
    return out;
  }
};

int count(const std::string& text, const std::string& what) {
  int n = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("the final table of a run with an erasure") {
  Summary s;
  s.method = "afu_ic", s.clock = "virtual", s.ended = "completed";
  s.updates = 480, s.virtual_seconds = 123.456, s.wall_seconds = 12.34;
  s.before_erasure = {0.9123, 0.95, 0.9301, 0.8125, 0.6124};
  s.final = {0.9087, 0.412, 0.9288, 0.0, 0.503, 0.8765, 0.9512, 1.2345, 0.0321, 0.2345};
  s.erasures.push_back({2, 40.0, 43.25, 43.25, 0.0, 1.0, 0.018, -0.004, 0, 3});
  s.erasures.push_back({11, 90.5, {}, {}, 2.5, {}, {}, {}, 0, 0});
  s.erasures.push_back({-1, 95.0, 95.0, 95.0, 0.0, 1.0, 0.25, 0.125, 0, 0});
  s.erasures[0].outcome = s.erasures[2].outcome = afu::record::RequestOutcome::merged;
  s.erasures[0].rebound_of = "attack_success_rate";
  s.erasures[0].found = {0.95, 0.8125, 0.61}, s.erasures[0].final = {0.5, 0.0, 0.5};
  s.erasures[1].scope = "samples", s.erasures[1].samples = 34;
  s.erasures[1].found.forget_accuracy = 0.96;
  s.erasures[2].scope = "class", s.erasures[2].label = 2, s.erasures[2].rebound_of = "forget_accuracy";
  CHECK("\n" + final_table(s) == R"(
afu_ic, virtual clock, completed: 480 updates, 123.46 s on the run's clock, 12.3 s real

                        before erasure  at the end
test accuracy                   91.2 %      90.9 %
balanced accuracy                    –      87.6 %
test AUC                             –       0.951
test loss                            –       1.234
calibration error                    –       3.2 %
Brier score                          –       0.234
forget accuracy                 95.0 %      41.2 %
retain accuracy                 93.0 %      92.9 %
attack success rate             81.2 %       0.0 %
membership AUC                   0.612       0.503

request                   outcome   requested      merged   forgotten    downtime  throughput  rebound max  rebound end       of
client/2                   merged     40.00 s     43.25 s     43.25 s      0.00 s        1.00      +1.8 pp      -0.4 pp   attack
34 samples of client/11  unserved     90.50 s           –           –      2.50 s           –            –            –        –
class 2                    merged     95.00 s     95.00 s     95.00 s      0.00 s        1.00     +25.0 pp     +12.5 pp   forget

of its own                 forget: before  at the end    attack: before  at the end       AUC: before  at the end
client/2                           95.0 %      50.0 %            81.2 %       0.0 %             0.610       0.500
34 samples of client/11            96.0 %           –                 –           –                 –           –
class 2                                 –           –                 –           –                 –           –
)");
}

TEST_CASE("the final table of a run without an erasure, on the wall clock") {
  Summary s;
  s.method = "none", s.clock = "wall", s.ended = "interrupted";
  s.final.test_accuracy = 0.5;
  s.overrun_share = 0.25;
  CHECK("\n" + final_table(s) == R"(
none, wall clock, interrupted: 0 updates, 0.00 s on the run's clock, 0.0 s real, overrun share 25.0 %

                        before erasure  at the end
test accuracy                        –      50.0 %
balanced accuracy                    –           –
test AUC                             –           –
test loss                            –           –
calibration error                    –           –
Brier score                          –           –
forget accuracy                      –           –
retain accuracy                      –           –
attack success rate                  –           –
membership AUC                       –           –
)");
}

TEST_CASE("beside an accuracy stands what the largest class alone would score") {
  Summary s;
  s.method = "none", s.clock = "virtual", s.ended = "completed";
  s.final = {0.5, {}, 0.75, {}, {}, 0.25, 0.5};
  s.test_set = {480, 4, 0.5, 1.25};
  s.retain_set = {100, 4, 0.625, 1.25};
  const auto table = final_table(s);
  CHECK(table.find("\n                                           before erasure  at the end\n") !=
        table.npos);
  CHECK(table.find("\ntest accuracy (majority class 50.0 %)                   –      50.0 %\n") !=
        table.npos);
  CHECK(table.find("\nretain accuracy (majority class 62.5 %)                 –      75.0 %\n") !=
        table.npos);
  CHECK(table.find("\nbalanced accuracy                                       –      25.0 %\n") !=
        table.npos);
  CHECK(afu::record::to_string(*s.test_set) == "480 samples of 4 classes, the largest 50.0 %");
  CHECK(afu::record::to_string(afu::record::SetLabels{1, 1, 1, 0}) ==
        "1 sample of 1 class, the largest 100.0 %");
}

TEST_CASE("progress: what is known is said") {
  CHECK(progress_text({480, 0}, 120, 35.25, 3.0) ==
        "120 / 480 updates, simulated 35.2 s, 40.0 updates/s, ETA 0:09");
  CHECK(progress_text({0, 100}, 120, 25.0, 1000.0) ==
        "120 updates, simulated 25.0 / 100.0 s, 0.1 updates/s, ETA 50:00");
  // Both limits: the nearer one ends the run.
  CHECK(progress_text({1000, 100}, 100, 50.0, 3700.0) ==
        "100 / 1000 updates, simulated 50.0 / 100.0 s, 0.0 updates/s, ETA 1:01:40");
  CHECK(progress_text({480, 0}, 0, 0.0, 0.5) == "0 / 480 updates, simulated 0.0 s");
  CHECK(progress_text({}, 10, 1.0, 2.0) == "10 updates, simulated 1.0 s, 5.0 updates/s");
  CHECK(progress_text({10, 0}, 12, 1.0, 2.0) == "12 / 10 updates, simulated 1.0 s, 6.0 updates/s, ETA 0:00");
  CHECK(progress_text({20, 0}, 10, 1.0, 2.0, "erasure[0] waits for client/3") ==
        "10 / 20 updates, simulated 1.0 s, 5.0 updates/s; erasure[0] waits for client/3");
}

TEST_CASE("progress is one line of a terminal, rewritten now and then and taken off at the end") {
  Terminal terminal(30);
  if (terminal.line < 0) {
    MESSAGE("skipped: no terminal can be had here");
    return;
  }
  {
    ProgressLine progress({100000, 0}, false, terminal.line);
    for (std::uint64_t i = 1; i <= 2000; ++i) progress.update(i, 0.5);
    const auto text = terminal.read();
    CHECK(text.rfind("\r1 / 100000 updates, simulated\x1b[K", 0) == 0);  // 29 of 30 columns
    CHECK(text.find('\n') == std::string::npos);
    CHECK(count(text, "\x1b[K") <= 10);  // 2000 updates take far less than a second
  }
  CHECK(terminal.read() == "\r\x1b[K");
  {
    ProgressLine quiet({10, 0}, true, terminal.line);
    quiet.update(1, 1);
  }
  CHECK(terminal.read().empty());
}

TEST_CASE("progress is silent where there is no terminal") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  {
    ProgressLine progress({10, 0}, false, ends[1]);
    progress.update(1, 1);
  }
  ::close(ends[1]);
  char c;
  CHECK(::read(ends[0], &c, 1) == 0);
  ::close(ends[0]);
}
