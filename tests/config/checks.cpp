// Checks that need more than one value of a scenario.
#include <doctest/doctest.h>

#include "config/attack_names.hpp"
#include "config/same_federation.hpp"
#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;
using Messages = std::vector<std::string>;

namespace {
Messages with_stop(const std::string& text) { return errors_of(text + "\n[stop]\nupdates = 200\n"); }
}  // namespace

TEST_CASE("a run must end") {
  const std::string text = "the run never ends, allowed is at least one of updates, rounds, seconds above 0";
  CHECK(errors_of("") == Messages{"s.toml:1:1: stop: " + text});
  CHECK(errors_of("\n[stop]\nupdates = 0") == Messages{"s.toml:2:1: stop: " + text});
  // The wrong value is the news, not what would follow from its default.
  CHECK(errors_of("[stop]\nupdates = -1") == Messages{"s.toml:2:11: stop.updates: -1 is outside [0, inf)"});
}

TEST_CASE("rounds are for fedavg") {
  CHECK(
      errors_of("[stop]\nrounds = 5") ==
      Messages{
          "s.toml:2:10: stop.rounds: rounds are for the rule \"fedavg\", training.rule is \"async_delta\""});
  CHECK(with_stop("[[erasure]]\nclient = 0\nat_round = 5") ==
        Messages{"s.toml:3:12: erasure[0].at_round: rounds are for the rule \"fedavg\", training.rule is "
                 "\"async_delta\""});
  CHECK(errors_of("training.rule = \"fedavg\"\n[[erasure]]\nclient = 0\nat_round = 5\n[stop]\nrounds = 9")
            .empty());
}

TEST_CASE("erasures that name their samples") {
  const std::string files = "data.source = \"manifest\"\ndata.path = \"x.csv\"\n[[erasure]]\nat_update = 1\n";
  CHECK(with_stop(files + "scope = \"subject\"\nsubject = \"p1\"").empty());  // whoever has it asks
  CHECK(with_stop(files + "scope = \"subject\"\nsubject = [\"p1\", \"p2\"]\nclient = 2").empty());
  CHECK(with_stop(files + "scope = \"samples\"\nfile = \"ids.csv\"").empty());
  CHECK(with_stop(files + "scope = \"subject\"") ==
        Messages{"s.toml:3:1: erasure[0]: subject is missing, the scope \"subject\" needs one, or several"});
  CHECK(with_stop(files + "scope = \"subject\"\nsubject = [\"p1\", \"p1\"]").at(0) ==
        "s.toml:6:12: erasure[0].subject[0]: \"p1\" stands there more than once, allowed is once");
  CHECK(
      with_stop(files + "client = 0\nsubject = \"p1\"") ==
      Messages{
          "s.toml:6:11: erasure[0].subject: \"p1\" is given, the scope \"client\" has none, allowed with it is "
          "\"subject\""});
  CHECK(
      with_stop(files + "scope = \"subject\"\nsubject = \"p1\"\nfile = \"ids.csv\"") ==
      Messages{
          "s.toml:7:8: erasure[0].file: \"ids.csv\" is given, the scope \"subject\" has no file of samples, "
          "allowed with it is \"samples\""});
  CHECK(
      with_stop("[[erasure]]\nat_update = 1\nscope = \"subject\"\nsubject = \"p1\"") ==
      Messages{
          "s.toml:3:9: erasure[0].scope: \"subject\" needs data that tell subjects, the source \"phantom\" tells "
          "none, allowed are \"client\", \"samples\", \"class\""});
  CHECK(
      with_stop(
          "scenario.execute = \"timing\"\n[[erasure]]\nat_update = 1\nscope = \"samples\"\nfile = \"i.csv\"")
          .at(0)
          .find("erasure[0].file: \"i.csv\" names images") != std::string::npos);
}

TEST_CASE("erasures") {
  CHECK(with_stop("[[erasure]]\nclient = 0") ==
        Messages{"s.toml:1:1: erasure[0]: 0 times are given, allowed is exactly one of at_update, at_round, "
                 "at_seconds"});
  CHECK(with_stop("[[erasure]]\nclient = 0\nat_update = 1\nat_seconds = 2") ==
        Messages{"s.toml:1:1: erasure[0]: 2 times are given, allowed is exactly one of at_update, at_round, "
                 "at_seconds"});
  CHECK(with_stop("[[erasure]]\nat_update = 1") ==
        Messages{"s.toml:1:1: erasure[0]: client is missing, allowed is a whole number in [0, 7]"});
  CHECK(with_stop("partition.clients = 4\n[[erasure]]\nclient = 4\nat_update = 1") ==
        Messages{"s.toml:3:10: erasure[0].client: 4 is outside [0, 3], partition.clients is 4"});
  CHECK(with_stop("[[erasure]]\nclient = 2\nat_update = 1\n[[erasure]]\nclient = 2\nat_update = 9").empty());
  CHECK(with_stop("[[erasure]]\nscope = \"class\"\nclass = 1\nat_update = 1").empty());
  CHECK(with_stop("[[erasure]]\nscope = \"class\"\nat_update = 1") ==
        Messages{"s.toml:1:1: erasure[0]: class is missing, the scope \"class\" needs one"});
  CHECK(with_stop("[[erasure]]\nscope = \"class\"\nclass = 4\nat_update = 1") ==
        Messages{"s.toml:3:9: erasure[0].class: 4 is outside [0, 3], data.classes is 4"});
  CHECK(with_stop("[[erasure]]\nscope = \"class\"\nclass = 1\nclient = 2\nat_update = 1") ==
        Messages{"s.toml:4:10: erasure[0].client: 2 is given, the scope \"class\" has no client"});
  CHECK(with_stop("[[erasure]]\nclient = 2\nclass = 1\nat_update = 1") ==
        Messages{"s.toml:3:9: erasure[0].class: 1 is given, the scope \"client\" has no class"});
  CHECK(
      with_stop("[[erasure]]\nclient = 2\nat_update = 200") ==
      Messages{"s.toml:3:13: erasure[0].at_update: 200 is never reached, the run stops at stop.updates 200"});
  CHECK(with_stop("[[erasure]]\nclient = 2\nat_update = 1\nscope = \"samples\"\nfraction = 1") ==
        Messages{"s.toml:5:12: erasure[0].fraction: 1.0 is outside (0, 1), scope \"samples\" leaves the "
                 "client some; scope \"client\" erases all"});
  CHECK(with_stop("[[erasure]]\nclient = 2\nat_update = 1\nfraction = 0.0") ==
        Messages{"s.toml:4:12: erasure[0].fraction: 0.0 is outside (0, 1]"});
  CHECK(with_stop("partition.clients = 1\n[[erasure]]\nclient = 0\nat_update = 1") ==
        Messages{"s.toml:2:1: erasure: all 1 clients leave, allowed is to keep one at least"});
  // An error in the key that a check looks at hides what would follow from the default.
  CHECK(with_stop("[[erasure]]\nclient = 0\nat_update = -5") ==
        Messages{"s.toml:3:13: erasure[0].at_update: -5 is outside [0, inf)"});
  CHECK(with_stop("partition.clients = \"x\"\n[[erasure]]\nclient = 11\nat_update = 5").size() == 1);
}

TEST_CASE("requests for parts of one client leave it something, and classes are not all forgotten") {
  const auto part = [](const std::string& client, const std::string& fraction) {
    return "[[erasure]]\nclient = " + client +
           "\nat_update = 1\nscope = \"samples\"\nfraction = " + fraction + "\n";
  };
  CHECK(with_stop(part("2", "0.4") + part("2", "0.5") + part("1", "0.9")).empty());
  CHECK(
      with_stop(part("2", "0.4") + part("2", "0.6")) ==
      Messages{
          "s.toml:10:12: erasure[1].fraction: 0.6 and the 0.4 that requests before it take of client 2 leave "
          "it nothing, allowed is a sum below 1"});
  std::string all;
  for (int label = 0; label < 4; ++label)
    all += "[[erasure]]\nscope = \"class\"\nclass = " + std::to_string(label) + "\nat_update = 1\n";
  const auto refused = with_stop(all);
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].find("erasure: all 4 classes are to be forgotten, allowed is to keep one at least") !=
        std::string::npos);
  CHECK(with_stop(all.substr(0, all.rfind("[[erasure]]"))).empty());
}

TEST_CASE("a seed for weights that a file delivers has no effect, and is refused") {
  CHECK(with_stop("[model]\nname = \"torchscript\"\npath = \"net.pt\"\ninit_seed = 3") ==
        Messages{"s.toml:4:13: model.init_seed: 3 draws no weights, model.name is \"torchscript\", which "
                 "starts from its file's; allowed is 0"});
}

TEST_CASE("a saved model takes the place of drawn weights, not of a module's own") {
  CHECK(with_stop("[model]\ninit = \"runs/a\"").empty());
  CHECK(
      with_stop("[model]\nname = \"torchscript\"\npath = \"net.pt\"\ninit = \"runs/a\"") ==
      Messages{
          "s.toml:4:8: model.init: \"runs/a\" does nothing, the model \"torchscript\" starts from model.path; "
          "allowed is \"\""});
  CHECK(with_stop("[model]\ninit = \"runs/a\"\ninit_seed = 3") ==
        Messages{"s.toml:3:13: model.init_seed: 3 draws no weights, model.init has them; allowed is 0"});
}

TEST_CASE("a schedule of the step size is whole, or it is refused") {
  const auto training = [](const std::string& text) { return with_stop("[training]\n" + text); };
  CHECK(training("schedule = \"step\"\nschedule_milestones = [50, 75]\noptimiser = \"adam\"").empty());
  CHECK(training("schedule = \"step\"\nschedule_every = 5\nschedule_by = \"updates\"").empty());
  CHECK(training("schedule = \"cosine\"\nschedule_length = 9\nwarm_up = 8").empty());
  CHECK(training("warm_up = 3\nschedule_by = \"updates\"").empty());
  CHECK(training("rule = \"fedavg\"\nwarm_up = 3\nschedule_by = \"rounds\"").empty());
  CHECK(
      training("schedule = \"step\"") ==
      Messages{
          "s.toml:2:12: training.schedule: \"step\" never falls, allowed with it are schedule_milestones or "
          "schedule_every above 0"});
  CHECK(
      training("schedule = \"step\"\nschedule_milestones = [5]\nschedule_every = 2") ==
      Messages{
          "s.toml:4:18: training.schedule_every: 2 stands beside schedule_milestones, allowed is one of them"});
  CHECK(training("schedule = \"step\"\nschedule_milestones = [5, 5]") ==
        Messages{"s.toml:3:23: training.schedule_milestones: 5 comes after 5, allowed are ascending ones"});
  CHECK(
      training("schedule_milestones = [5]") ==
      Messages{
          "s.toml:2:23: training.schedule_milestones: it does nothing, training.schedule is \"constant\", allowed "
          "with it is \"step\""});
  CHECK(
      training("schedule = \"step\"\nschedule_milestones = [2, 0, 1.5]") ==
      Messages{
          "s.toml:3:27: training.schedule_milestones[1]: 0 is outside [1, 1000000000000]",
          "s.toml:3:30: training.schedule_milestones[2]: 1.5 is a real number, allowed is a whole number in [1, 1000000000000]"});
  CHECK(
      training("schedule_milestones = 5") ==
      Messages{
          "s.toml:2:23: training.schedule_milestones: 5 is a whole number, allowed is an array of whole numbers"});
  CHECK(
      training("schedule = \"cosine\"\nschedule_length = 4\nwarm_up = 4") ==
      Messages{
          "s.toml:3:19: training.schedule_length: 4 leaves a cosine nothing, allowed is more than warm_up, 4"});
  CHECK(
      training("schedule_by = \"updates\"") ==
      Messages{
          "s.toml:2:15: training.schedule_by: \"updates\" does nothing, training.schedule is \"constant\" and "
          "warm_up 0"});
  CHECK(
      training("warm_up = 3\nschedule_by = \"rounds\"") ==
      Messages{"s.toml:3:15: training.schedule_by: \"rounds\" are for the rule \"fedavg\", training.rule is "
               "\"async_delta\""});
}

TEST_CASE("what the run's end comes before is refused") {
  CHECK(with_stop("[training]\nrule = \"fedbuff\"\nbuffer_size = 201") ==
        Messages{
            "s.toml:3:15: training.buffer_size: 201 is never filled, the run stops at stop.updates 200, so "
            "no version would be published"});
  CHECK(with_stop("[training]\nrule = \"port\"\nbuffer_size = 201").size() == 1);
  CHECK(with_stop("[training]\nrule = \"fedbuff\"\nbuffer_size = 200").empty());
  const std::string rounds = "[training]\nrule = \"fedavg\"\n";
  CHECK(with_stop(rounds + "[[erasure]]\nclient = 2\nat_round = 24").empty());
  CHECK(
      with_stop(rounds + "[[erasure]]\nclient = 2\nat_round = 25") ==
      Messages{"s.toml:5:12: erasure[0].at_round: 25 is never reached, the run stops at stop.updates 200, a "
               "round has 8 updates"});
  CHECK(with_stop(rounds + "clients_per_round = 3\n[[erasure]]\nclient = 2\nat_round = 66").empty());
  CHECK(with_stop(rounds + "clients_per_round = 3\n[[erasure]]\nclient = 2\nat_round = 67").size() == 1);
  CHECK(with_stop("heterogeneity.availability.dropout_probability = 0.1\n" + rounds +
                  "[[erasure]]\nclient = 2\nat_round = 25")
            .empty());
  CHECK(errors_of(rounds + "[[erasure]]\nclient = 2\nat_update = 79\n[stop]\nrounds = 10").empty());
  CHECK(errors_of(rounds + "[[erasure]]\nclient = 2\nat_update = 80\n[stop]\nrounds = 10") ==
        Messages{"s.toml:5:13: erasure[0].at_update: 80 is never reached, the run stops at stop.rounds 10, a "
                 "round has 8 updates"});
}

TEST_CASE("what a method supports") {
  const std::string ask = "[[erasure]]\nclient = 2\nat_update = 1\nscope = \"samples\"\n";
  CHECK(with_stop(ask + "[unlearning]\nmethod = \"gradient_ascent\"\ncoordination = \"blocking\"") ==
        Messages{"s.toml:4:9: erasure[0].scope: \"samples\" is not supported, the method \"gradient_ascent\" "
                 "supports \"client\", \"class\"",
                 "s.toml:7:16: unlearning.coordination: \"blocking\" is not supported, the method "
                 "\"gradient_ascent\" supports \"concurrent\"",
                 "s.toml:9:11: stop.updates: 200 is too many for it"});
}

TEST_CASE("training and partition") {
  CHECK(with_stop("[partition]\nclients = 4\n[training]\nclients_per_round = 5") ==
        Messages{"s.toml:4:21: training.clients_per_round: 5 is outside [0, 4], partition.clients is 4"});
  CHECK(with_stop("[partition]\nscheme = \"pathological\"\nclasses_per_client = 5") ==
        Messages{"s.toml:3:22: partition.classes_per_client: 5 is outside [1, 4], data.classes is 4"});
  CHECK(with_stop("[[heterogeneity.compute.override]]\nclient = 8\nslowdown = 2") ==
        Messages{"s.toml:2:10: heterogeneity.compute.override[0].client: 8 is outside [0, 7], "
                 "partition.clients is 8"});
  CHECK(
      with_stop(
          "[[heterogeneity.network.override]]\nclient = 1\n[[heterogeneity.network.override]]\nclient = 1") ==
      Messages{"s.toml:4:10: heterogeneity.network.override[1].client: 1 stands in "
               "heterogeneity.network.override[0] already, allowed is one a client"});
}

TEST_CASE("training options that need a rule or one another") {
  CHECK(with_stop("[training]\nserver_momentum = 0.9") ==
        Messages{"s.toml:2:19: training.server_momentum: 0.9 is for the rules \"fedavg\", \"fedbuff\", "
                 "training.rule is \"async_delta\""});
  for (const char* rule : {"fedavg", "fedbuff"})
    CHECK(with_stop(std::string("[training]\nserver_momentum = 0.9\nrule = \"") + rule + "\"").empty());
  CHECK(with_stop("[training]\nserver_momentum = 1") ==
        Messages{"s.toml:2:19: training.server_momentum: 1 is outside [0, 0.9999]"});
  CHECK(
      with_stop("[training]\nrule = \"port\"\nport_similarity = 0\nport_staleness = 0") ==
      Messages{"s.toml:4:18: training.port_staleness: 0.0 and port_similarity 0.0 leave every update without "
               "weight, allowed is one above 0 at least"});
  CHECK(with_stop("[training]\nport_similarity = 0\nport_staleness = 0").empty());
  CHECK(with_stop("[training]\nround_weights = \"uniform\"") ==
        Messages{
            "s.toml:2:17: training.round_weights: \"uniform\" is for the rule \"fedavg\", training.rule is "
            "\"async_delta\""});
  CHECK(with_stop("[training]\nrule = \"fedavg\"\nround_weights = \"uniform\"").empty());
  CHECK(with_stop("[training]\nstaleness_average = 2.5") ==
        Messages{"s.toml:2:21: training.staleness_average: 2.5 is for the rule \"fedbuff\", training.rule is "
                 "\"async_delta\""});
  CHECK(with_stop("[training]\nmixing_halved_at = 9") ==
        Messages{"s.toml:2:20: training.mixing_halved_at: 9 is for the rule \"fedasync\", training.rule is "
                 "\"async_delta\""});
  CHECK(
      with_stop("[training]\newc_labels = \"own\"") ==
      Messages{
          "s.toml:2:14: training.ewc_labels: it does nothing, training.ewc_strength is 0.0, allowed with it "
          "is a value above 0"});
  CHECK(with_stop("[training]\newc_strength = 0.1\newc_labels = \"own\"").empty());
  const std::string all_ask =
      "[partition]\nclients = 2\n[[erasure]]\nclient = 0\nat_update = 1\nscope = \"samples\"\n"
      "[[erasure]]\nclient = 1\nat_update = 1\nscope = \"samples\"\n[training]\newc_strength = ";
  CHECK(with_stop(all_ask + "0").empty());
  CHECK(
      with_stop(all_ask + "0.1") ==
      Messages{"s.toml:12:16: training.ewc_strength: 0.1 needs calibration images of a client that asks for "
               "no erasure, and all 2 ask"});
}

TEST_CASE("data, model and backdoor") {
  CHECK(with_stop("[data]\nsource = \"npz\"") ==
        Messages{"s.toml:1:1: data.path: \"\" is no path, the source \"npz\" needs one"});
  CHECK(
      with_stop("[data]\nsource = \"image_folder\"\npath = \"x\"\nval_fraction = 0.5\ntest_fraction = 0.5") ==
      Messages{"s.toml:5:17: data.test_fraction: 0.5 and val_fraction 0.5 leave no training images, allowed "
               "is a sum below 1"});
  CHECK(with_stop("[data]\nchannels = 2") ==
        Messages{"s.toml:2:12: data.channels: 2 is unknown, allowed are 1, 3"});
  CHECK(with_stop("[model]\nname = \"torchscript\"") ==
        Messages{"s.toml:1:1: model.path: \"\" is no path, the model \"torchscript\" needs one"});
  CHECK(with_stop("[data.backdoor]\nclient = 8") ==
        Messages{"s.toml:2:10: data.backdoor.client: 8 is outside [0, 7], partition.clients is 8"});
  CHECK(with_stop("[data.backdoor]\ntrigger = \"patch\"") ==
        Messages{"s.toml:1:1: data.backdoor.client: -1 is the client of the first erasure, and there is no "
                 "[[erasure]] or it names none"});
  CHECK(with_stop("[data.backdoor]\ntrigger = \"patch\"\nclient = 1\nlabel = 4\nsize = 40") ==
        Messages{"s.toml:4:9: data.backdoor.label: 4 is outside [0, 3], data.classes is 4",
                 "s.toml:5:8: data.backdoor.size: 40 is larger than the images, data.image_size is 28"});
  CHECK(with_stop("[heterogeneity.availability]\nmodel = \"trace\"") ==
        Messages{
            "s.toml:1:1: heterogeneity.availability.path: \"\" is no path, the model \"trace\" needs one"});
}

TEST_CASE("scenario and devices") {
  CHECK(with_stop("[scenario]\nexecute = \"timing\"\nclock = \"wall\"") ==
        Messages{
            "s.toml:2:11: scenario.execute: \"timing\" needs the virtual clock, scenario.clock is \"wall\""});
  CHECK(with_stop("[scenario]\nname = \"../x\"") ==
        Messages{"s.toml:2:8: scenario.name: \"../x\" is no folder's name, allowed are letters, digits, '-', "
                 "'_' and '.', the first neither '-' nor '.'"});
  CHECK(with_stop("[scenario]\nname = \"-rf\"").size() == 1);
  CHECK(with_stop("[scenario]\nname = \"a\\nb\"").size() == 1);
  CHECK(with_stop("[scenario]\nname = \"\"").size() == 1);
  CHECK(
      with_stop("[compute]\ndevices = []") ==
      Messages{
          "s.toml:2:11: compute.devices: the list is empty, allowed are \"cpu\", \"cuda\", \"cuda:0\", ..."});
  CHECK(with_stop("[compute]\ndevices = [\"cuda:0\", \"cuda:0\"]").empty());
  CHECK(with_stop("[compute]\ndevices = [\"cpu\", \"cpu\"]").empty());
}

TEST_CASE("a run's nodes are addresses, each named once") {
  CHECK(with_stop("[compute]\nnodes = [\"gpu1:4711\", \"[::1]:9\", \"slurm:4711\"]").empty());
  CHECK(with_stop("[compute]\nnodes = [\"gpu1:4711\", \"gpu2\"]") ==
        Messages{"s.toml:2:23: compute.nodes[1]: 'gpu2' is no address of a node: it has no port; allowed: "
                 "HOST:PORT, as gpu1:4711"});
  CHECK(with_stop("[compute]\nnodes = [\"a:1\", \"a:1\"]") ==
        Messages{"s.toml:2:17: compute.nodes[1]: \"a:1\" is named twice, allowed is each node once"});
  CHECK(with_stop("[compute]\nnode_patience = 0.1") ==
        Messages{"s.toml:2:17: compute.node_patience: 0.1 is outside [0.2, 3600]"});
}

TEST_CASE(
    "shards are gone through by epochs, each sample as often as any other, and by nobody together with others") {
  const std::string shards = "[training]\nshards = 4\n";
  CHECK(with_stop(shards).empty());
  CHECK(
      with_stop(shards + "local_steps = 5") ==
      Messages{"s.toml:3:15: training.local_steps: 5 would end within a shard, training.shards is 4, allowed "
               "with it is 0"});
  CHECK(with_stop(shards + "balanced = true") ==
        Messages{
            "s.toml:3:12: training.balanced: true draws from all of a client's samples, training.shards is "
            "4, allowed with it is false"});
  CHECK(with_stop(shards + "[compute]\nbatched_clients = 8\ndeterministic = false") ==
        Messages{"s.toml:4:19: compute.batched_clients: 8 needs training.shards = 1; allowed is 1"});
  CHECK(with_stop("[training]\nshards = 65") ==
        Messages{"s.toml:2:10: training.shards: 65 is outside [1, 64]"});
}

TEST_CASE("what computes, and how exactly, must go with the devices") {
  CHECK(with_stop("[compute]\nprecision = \"tf32\"") ==
        Messages{"s.toml:2:13: compute.precision: \"tf32\" needs GPUs alone, compute.devices has \"cpu\""});
  CHECK(with_stop("[compute]\ndevices = [\"cuda\", \"cpu\"]\nstep = \"graph\"") ==
        Messages{"s.toml:3:8: compute.step: \"graph\" needs GPUs alone, compute.devices has \"cpu\""});
  CHECK(with_stop("[compute]\ndevices = [\"cuda:1\"]\nstep = \"fused\"") ==
        Messages{"s.toml:3:8: compute.step: \"fused\" needs the CPU alone, compute.devices has a GPU"});
  CHECK(with_stop("[compute]\nprecision = \"bf16\"\nstep = \"fused\"") ==
        Messages{"s.toml:2:13: compute.precision: \"bf16\" does not go with compute.step \"fused\", allowed "
                 "is \"fp32\""});
  CHECK(with_stop("[compute]\nprecision = \"fp16\"") ==
        Messages{"s.toml:2:13: compute.precision: \"fp16\" is unknown, allowed are \"fp32\", \"tf32\", "
                 "\"bf16\""});
  CHECK(with_stop("[compute]\nprecision = \"bf16\"").empty());
  const std::string batched = "[compute]\nbatched_clients = 8\n";
  CHECK(
      with_stop(batched) ==
      Messages{"s.toml:2:19: compute.batched_clients: 8 needs compute.deterministic = false, since sums then "
               "depend on who trains together; allowed is 1"});
  CHECK(with_stop(batched + "deterministic = false").empty());
  CHECK(with_stop(batched + "deterministic = false\nprecision = \"bf16\"") ==
        Messages{
            "s.toml:2:19: compute.batched_clients: 8 needs compute.precision \"fp32\" or \"tf32\"; allowed "
            "is 1"});
  CHECK(with_stop(batched + "deterministic = false\n[training.augment]\nflip = true") ==
        Messages{"s.toml:2:19: compute.batched_clients: 8 needs images as they are, training.augment changes "
                 "them; allowed is 1"});
  CHECK(with_stop(batched + "deterministic = false\n[model]\nname = \"resnet18\"") ==
        Messages{"s.toml:2:19: compute.batched_clients: 8 needs a built-in network without BatchNorm and "
                 "residual connections; allowed is 1"});
  CHECK(with_stop("[compute]\ndevices = \"cuda\"\nprecision = \"tf32\"\nstep = \"graph\"\n"
                  "deterministic = false")
            .empty());
}

TEST_CASE("attacks and their references") {
  CHECK(with_stop("[evaluation]\nattacks = [\"loss\", \"lirra\"]")
            .at(0)
            .find("s.toml:2:20: evaluation.attacks[1]: \"lirra\" is unknown, did you mean \"lira\"?") == 0);
  CHECK(with_stop("[evaluation]\nattacks = [\"loss\", \"none\"]") ==
        Messages{"s.toml:2:20: evaluation.attacks[1]: \"none\" stands beside others, allowed is it alone"});
  CHECK(with_stop("[evaluation]\nattacks = \"rmia\"") ==
        Messages{"s.toml:2:11: evaluation.attacks[0]: \"rmia\" needs reference models, "
                 "evaluation.reference_models is 0, allowed is 1 or more"});
  CHECK(with_stop("[evaluation]\nattacks = \"rmia\"\nreference_models = 2").empty());
  CHECK(with_stop("[evaluation]\nattacks = [\"all\"]").empty());
  CHECK(with_stop("[evaluation]\nattacks = []").size() == 1);
}

TEST_CASE("what a list of attacks stands for") {
  using afu::attack::selected;
  using Names = std::vector<std::string>;
  CHECK(selected({"none"}, true).empty());
  CHECK(selected({"probe", "loss"}, true) == Names{"loss", "probe"});
  CHECK(selected({"default"}, false) ==
        Names{"loss", "scrub", "confidence", "entropy", "modified_entropy", "class_thresholds", "backdoor"});
  CHECK(selected({"default", "relearn"}, true).size() == 10);  // with lira and rmia
  CHECK(selected({"relearn_32", "relearn_8"}, false) == Names{"relearn_8", "relearn_32"});
  CHECK(selected({"all"}, false).size() + 2 == selected({"all"}, true).size());
}

TEST_CASE("runs of one federation may differ in method, times and initial weights, not in samples") {
  const std::string text =
      "[stop]\nupdates = 9\n[[erasure]]\nclient = 0\nat_update = 3\n[data]\ntrain_samples = 100\n";
  const auto load = [&](const std::vector<std::string>& set) {
    return parse_scenario(text, "s.toml", set, methods());
  };
  const auto a = load({});
  CHECK(federation_differences(
            a, load({"model.init_seed=5", "unlearning.method=retrain", "erasure[0].at_update=5"}))
            .empty());
  CHECK(federation_differences(a, load({"data.train_samples=200"})) ==
        Messages{"data.train_samples is 100, not 200"});
  CHECK(federation_differences(a, load({"scenario.seed=2"})) == Messages{"scenario.seed is 1, not 2"});
  CHECK(federation_differences(a, load({"erasure[0].client=1"})) ==
        Messages{"erasure is client of client 0, not client of client 1"});
  CHECK(federation_differences(a, load({"partition.shift.noise=0.25"})) ==
        Messages{"partition.shift.noise is 0.0, not 0.25"});
  CHECK(federation_differences(a, load({"calibration.samples_per_environment=7"})).empty());
  CHECK(federation_differences(
            a, load({"calibration.samples_per_environment=7", "calibration.source=\"clients\""})) ==
        Messages{"calibration.source is validation, not clients (7 images each)"});
}

TEST_CASE("sites' shifts: strengths have ranges, and the test images' is nothing without any") {
  const auto of = [](const std::string& lines) { return with_stop("[partition.shift]\n" + lines); };
  CHECK(of("contrast = 1.5") == Messages{"s.toml:2:12: partition.shift.contrast: 1.5 is outside [0, 1]"});
  CHECK(of("noise = -0.1") == Messages{"s.toml:2:9: partition.shift.noise: -0.1 is outside [0, 0.5]"});
  CHECK(of("bias_feild = 1") ==
        Messages{"s.toml:2:1: partition.shift.bias_feild: unknown key, did you mean bias_field?"});
  CHECK(of("test = \"some\"") ==
        Messages{"s.toml:2:8: partition.shift.test: \"some\" is unknown, allowed are \"sites\", \"none\""});
  CHECK(of("test = \"none\"") ==
        Messages{"s.toml:2:8: partition.shift.test: \"none\" does nothing, contrast, noise, bias_field and "
                 "resolution are 0, allowed with it is one above 0"});
  CHECK(of("test = \"none\"\nresolution = 2").empty());
}

TEST_CASE("calibration options that do nothing without another one") {
  const auto of = [](const std::string& lines) { return with_stop("[calibration]\n" + lines); };
  CHECK(of("lambda = 2") ==
        Messages{
            "s.toml:2:10: calibration.lambda: it does nothing, calibration.invariance is \"none\", allowed "
            "with it is \"perturbation\", \"irm\", \"vrex\", \"difference\", \"features\""});
  CHECK(of("perturbation = \"blind\"\ninvariance = \"irm\"") ==
        Messages{"s.toml:2:16: calibration.perturbation: it does nothing, calibration.invariance is \"irm\", "
                 "allowed with it is \"perturbation\""});
  CHECK(
      of("irm_estimator = \"halves\"\ninvariance = \"vrex\"") ==
      Messages{
          "s.toml:2:17: calibration.research.irm_estimator: it does nothing, calibration.invariance is \"vrex\", "
          "allowed with it is \"irm\""});
  CHECK(
      of("adversarial_steps = 5\ninvariance = \"perturbation\"") ==
      Messages{
          "s.toml:2:21: calibration.research.adversarial_steps: it does nothing, calibration.perturbation is "
          "\"default\", allowed with it is \"adversarial\""});
  CHECK(
      of("guard_restore = 0.1") ==
      Messages{
          "s.toml:2:17: calibration.research.guard_restore: it does nothing, calibration.research.guard_rank is 0, allowed "
          "with it is a value above 0"});
  CHECK(
      of("until_loss_steps = 50") ==
      Messages{
          "s.toml:2:20: calibration.research.until_loss_steps: it does nothing, calibration.research.until_loss is false, "
          "allowed with it is true"});
  CHECK(of("fisher_form = \"proximal\"").size() == 1);
  CHECK(
      of("gate = true") ==
      Messages{
          "s.toml:2:8: calibration.research.gate: it does nothing, calibration.invariance is \"none\", allowed "
          "with it is \"perturbation\", \"irm\", \"vrex\""});
  CHECK(
      of("gate_samples = 9\ninvariance = \"irm\"") ==
      Messages{
          "s.toml:2:16: calibration.research.gate_samples: it does nothing, calibration.research.gate is false, allowed "
          "with it is true"});
  CHECK(
      of("invariance = \"perturbation\"\nperturbation = \"adversarial\"\ngate = true\nsteps = 0") ==
      Messages{
          "s.toml:4:8: calibration.research.gate: the first calibration finds its trigger, calibration.steps is "
          "0, allowed is 1 or more"});
  CHECK(
      of("invariance = \"difference\"\ngate = true") ==
      Messages{
          "s.toml:3:8: calibration.research.gate: it does nothing, calibration.invariance is \"difference\", allowed "
          "with it is \"perturbation\", \"irm\", \"vrex\""});
  CHECK(of("difference.steps = 9") ==
        Messages{
            "s.toml:2:20: calibration.difference.steps: it does nothing, calibration.invariance is \"none\", "
            "allowed with it is \"difference\""});
  CHECK(of("invariance = \"difference\"\ndifference = { form = \"both\", restarts = 1 }") ==
        Messages{"s.toml:3:23: calibration.difference.form: \"both\" takes the restarts in turn, "
                 "calibration.difference.restarts is 1, allowed with it is 2 or more"});
  CHECK(of("invariance = \"features\"\ngate = true").size() == 1);
  CHECK(
      of("invariance = \"perturbation\"\nperturbation = \"minimax\"\ngate = true") ==
      Messages{
          "s.toml:4:8: calibration.research.gate: it does nothing, calibration.perturbation is \"minimax\", allowed "
          "with it is \"blind\", \"oracle\", \"adversarial\""});
  CHECK(of("invariance = \"perturbation\"\nresearch.minimax_steps = 3") ==
        Messages{
            "s.toml:3:26: calibration.research.minimax_steps: it does nothing, calibration.perturbation is "
            "\"default\", allowed with it is \"minimax\""});
  CHECK(of("research.minimax_radius = 3").size() == 1);
  CHECK(of("research.feature_rank = 3") ==
        Messages{"s.toml:2:25: calibration.research.feature_rank: it does nothing, calibration.invariance is "
                 "\"none\", allowed with it is \"features\""});
  CHECK(of("research.sharpness = 0.1\nplacebo = true").empty());
  CHECK(of("difference.guard = true").size() == 1);
  CHECK(of("difference.prune = 0.1").size() == 1);
  CHECK(of("invariance = \"difference\"\ndifference.guard = true\ndifference.prune = 0.1").empty());
  CHECK(of("invariance = \"difference\"\ndifference.prune = 1").size() == 1);
  CHECK(of("invariance = \"difference\"\ndifference.guard = true\nresearch.guard_rank = 1") ==
        Messages{"s.toml:3:20: calibration.difference.guard: a request has one guard, allowed with it are "
                 "calibration.research.guard_rank = 0 and calibration.research.guard_measure = false"});
  CHECK(of("invariance = \"difference\"\ndifference.guard = true\nwindow_steps = 0").size() == 1);
  CHECK(of("sunset_jobs = 5").size() == 1);
  CHECK(
      of("sunset_factor = 2\ninvariance = \"irm\"") ==
      Messages{
          "s.toml:2:17: calibration.research.sunset_factor: it does nothing, calibration.research.sunset_jobs is 0, "
          "allowed with it is a value above 0"});
  CHECK(of("invariance = \"irm\"\nsunset = 5\nwindow_steps = 0").size() == 1);
  CHECK(of("batch_size = -1") == Messages{"s.toml:2:14: calibration.batch_size: -1 is outside [0, 1000000]"});
  CHECK(of("until_loss = true\nsteps = 0") ==
        Messages{"s.toml:2:14: calibration.research.until_loss: it repeats calibration.steps, which is 0"});
  CHECK(of("stages = 0") == Messages{"s.toml:2:10: calibration.research.stages: 0 is outside [1, 1000000]"});
  for (
      const char* good :
      {"stages = 3\nsteps = 2",
       "invariance = \"perturbation\"\nperturbation = \"adversarial\"\nadversarial_steps = 5",
       "invariance = \"irm\"\nirm_estimator = \"halves\"\nlambda = 100\nanneal_jobs = 5\ndivide_loss = true",
       "guard_rank = 8\nguard_restore = 0.1", "batch_size = 64",
       "invariance = \"vrex\"\ngate = true\ngate_epsilon = 0.1\ngate_samples = 9\nplacebo = true",
       "invariance = \"irm\"\nsunset_jobs = 5\nsunset_factor = 2", "until_loss = true\nuntil_loss_steps = 50",
       "lambda = 0", "fisher = 0.1\nfisher_form = \"proximal\"",
       "invariance = \"difference\"\ndifference = { labels = 2, form = \"both\", restarts = 3, batch_size = 0 }",
       "invariance = \"difference\"\nplacebo = true\nsunset_jobs = 5", "placebo = true"}) {
    CAPTURE(good);
    CHECK(of(good).empty());
  }
}

TEST_CASE("an oracle needs a backdoor, and environments to compare must be two") {
  const std::string oracle = "[calibration]\ninvariance = \"perturbation\"\nperturbation = \"oracle\"\n";
  CHECK(with_stop(oracle) ==
        Messages{"s.toml:3:16: calibration.perturbation: \"oracle\" applies the backdoor's own trigger, "
                 "data.backdoor.trigger is \"none\""});
  CHECK(with_stop(oracle + "[data.backdoor]\ntrigger = \"patch\"\nclient = 0").empty());
  const std::string two =
      "[partition]\nclients = 2\n[[erasure]]\nclient = 0\nat_update = 1\n[calibration]\ninvariance = "
      "\"irm\"\n";
  CHECK(
      with_stop(two) ==
      Messages{
          "s.toml:7:14: calibration.invariance: \"irm\" compares environments, there are 1, allowed is from "
          "2 clients that ask for no erasure, or interventional environments"});
  CHECK(with_stop(two + "environments = \"interventional\"").empty());
  CHECK(
      with_stop("[calibration]\ninvariance = \"irm\"\nirm_estimator = \"halves\"\nsamples_per_environment = "
                "1") ==
      Messages{"s.toml:3:17: calibration.research.irm_estimator: \"halves\" needs 2 samples an environment, "
               "samples_per_environment is 1"});
}
