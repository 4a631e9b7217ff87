/// `afu node`: this machine's lanes, for runs elsewhere.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "actors/node.hpp"
#include "cli/interrupts.hpp"
#include "cli/node_options.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "device/devices.hpp"

namespace afu::cli {
namespace {

struct Options {
  std::string listen, token_file;
  std::vector<std::string> devices{"cpu"};
  std::int64_t lanes = 0;
  double patience = default_patience;
};

int node(const Options& o) {
  actors::NodeService service;
  service.listen = base::address_from(o.listen, /*any_port=*/true);
  service.devices = from_input([&] { return device::resolve_devices(o.devices); });
  service.token =
      token_of(o.token_file, base::is_loopback(service.listen.host),
               "a node that others can reach takes work only from who knows its token: --token-file");
  service.lanes = o.lanes;
  service.pulse = pulse_of(o.patience);
  service.tell = [](const std::string& line) { log(Level::info, "{}", line); };
  service.listening = [&](std::uint16_t port) {
    print("listening at {}\n", base::to_text({service.listen.host, port}));
    std::fflush(stdout);
  };
  service.interrupt = &Interrupts::asked();
  Interrupts::take();
  actors::serve(service);
  return 0;
}

}  // namespace

std::function<int()> declare_node(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.add_option("--listen", o->listen, "HOST:PORT to listen at, and nowhere else; port 0: any that is free")
      ->required();
  app.add_option("--devices", o->devices, "Devices to compute on: cpu, cuda:0, ... ; cuda: all visible")
      ->delimiter(',');
  app.add_option("--lanes", o->lanes, "Lanes a device; 0: as many as cores and memory hold")
      ->check(CLI::Range(0, 4096));
  app.add_option(
      "--token-file", o->token_file,
      "File of mode 0600 with the secret that runs must know; needed unless only this machine can reach HOST");
  add_patience(app, o->patience, "Seconds without a word of the run after which it counts as gone");
  return [o] { return node(*o); };
}

}  // namespace afu::cli
