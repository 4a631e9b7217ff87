// A variant is the switches and numbers that it stands for: the same jobs, and the defaults of before.
#include <set>

#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "config/schema.hpp"
#include "job/bytes.hpp"
#include "methods/federaser/job.hpp"
#include "methods/fedrecovery/job.hpp"
#include "methods/pga/job.hpp"
#include "methods/prune/job.hpp"
#include "tests/federate/server.hpp"
#include "tests/methods/support.hpp"

using namespace afu;
using test::Server;

namespace {

using Set = std::vector<std::string>;

Set of(const std::string& method, const Set& options) {
  Set set;
  for (const auto& o : options) set.push_back("unlearning." + method + "." + o);
  return set;
}

config::Values settings(const std::string& method, const Set& options) {
  const auto s = config::parse_scenario("[stop]\nupdates = 9\n", "s.toml", of(method, options),
                                        methods::method_sections());
  return s.unlearning.methods.at(method);
}

/// The settings but the variant's own name.
std::map<std::string, config::Value> switches(const std::string& method, const Set& options) {
  auto all = settings(method, options).all();
  all.erase("variant");
  return all;
}

/// Rounds under FedAvg, then the request: the bytes of every job that the method gives to the unlearner.
std::vector<job::Bytes> jobs(const std::string& method, const Set& options) {
  Server s("[training]\nrule = \"fedavg\"\n[unlearning]\nmethod = \"" + method +
               "\"\n[[erasure]]\nclient = 0\nat_round = 3\n",
           of(method, options), false, {test::rows(0, 4)});
  for (int round = 0; round < 3; ++round)
    for (std::uint32_t c = 0; c < 4; ++c) s.update(c, 1 + c + round);
  // A blocking method waits for those who work still.
  for (std::uint32_t c = 0; c < 4; ++c)
    if (s.erasures.empty() && s.collects.empty()) s.update(c, 4 + c);
  std::vector<job::Bytes> all;
  for (std::size_t done = 0, collected = 0; done < s.erasures.size() || collected < s.collects.size();) {
    for (; collected < s.collects.size(); ++collected) {
      const auto [client, task] = s.collects[collected];
      s.take(federate::CollectResult{task.request, client, task.job, s.result(0.5 + client)});
    }
    if (done == s.erasures.size()) break;
    all.push_back(job::to_bytes(*s.erasures[done].job));
    s.take(federate::EraseResult{s.erasures[done++].request, s.result(2)});
  }
  return all;
}

}  // namespace

TEST_CASE("the defaults are what they were") {
  CHECK(settings("knot", {}).text("anchors") == "paper");
  CHECK(settings("knot", {}).text("objective") == "worst_first");
  CHECK(settings("knot", {}).text("final") == "aggregate");
  CHECK(settings("federaser", {}).text("norm") == "global");
  CHECK(settings("federaser", {}).text("calibrate") == "client");
  CHECK_FALSE(settings("federaser", {}).flag("printed_factor"));
  CHECK(settings("pga", {}).real("radius_frac") == 0.577);
  CHECK(settings("pga", {}).real("stop_factor") == 3);
  CHECK(settings("pga", {}).real("stop_distance") == 0);
  CHECK(settings("pga", {}).real("stop_accuracy") == 0);
  CHECK(settings("prune", {}).text("variant") == "paper");
  CHECK(settings("fedrecovery", {}).text("weights") == "all");
  CHECK(settings("fedrecovery", {}).text("residual") == "target");
  CHECK(settings("fedrecovery", {}).real("scale") == 1);
}

TEST_CASE("a variant is its switches one by one") {
  const auto same = [](const std::string& method, const std::string& variant, const Set& one_by_one) {
    CAPTURE(method);
    CAPTURE(variant);
    CHECK((switches(method, {"variant=" + variant}) == switches(method, one_by_one)));
    CHECK((switches(method, {"variant=" + variant}) != switches(method, {})));
  };
  same("knot", "code", {"anchors=code", "objective=sum", "final=best"});
  same("federaser", "code", {"norm=layer", "calibrate=mean"});
  same("federaser", "printed", {"printed_factor=true"});
  same("fedrecovery", "code", {"weights=earlier", "residual=retained", "scale=5"});
  same("pga", "code", {"stop_factor=0", "stop_distance=2.2"});
  same("pga", "paper", {"radius_frac=0.333", "stop_factor=0", "stop_accuracy=0.12"});
  same("pga", "successor", {"radius_frac=0.333"});
}

TEST_CASE("a variant gives the jobs of its switches, and others than the default's") {
  const auto same = [](const std::string& method, const std::string& variant, const Set& one_by_one) {
    CAPTURE(method);
    CAPTURE(variant);
    const auto by_variant = jobs(method, {"variant=" + variant});
    CHECK_FALSE(by_variant.empty());
    CHECK((by_variant == jobs(method, one_by_one)));
    CHECK((by_variant != jobs(method, {})));
  };
  same("fedrecovery", "code", {"weights=earlier", "residual=retained", "scale=5"});
  same("federaser", "code", {"norm=layer", "calibrate=mean"});
  same("federaser", "printed", {"printed_factor=true"});
  same("pga", "code", {"stop_factor=0", "stop_distance=2.2"});
  same("pga", "paper", {"radius_frac=0.333", "stop_factor=0", "stop_accuracy=0.12"});
}

TEST_CASE("knot's variant gives the clusters and the model of its switches") {
  std::vector<methods::ClientProfile> profiles;
  for (std::uint32_t c = 0; c < 9; ++c) profiles.push_back({1.0 + c * c, c % 3 / 3.0});
  const auto needs = [](const Set& options) {
    return methods::find_method("knot").needs(settings("knot", options));
  };
  const Set wide{"clusters=3", "min_size=1", "max_size=7"};
  const auto also = [&](Set more) {
    more.insert(more.end(), wide.begin(), wide.end());
    return needs(more);
  };
  const auto code = also({"variant=code"}), by_hand = also({"anchors=code", "objective=sum", "final=best"});
  const auto paper = also({});
  CHECK(code.clusters.best);
  CHECK(by_hand.clusters.best);
  CHECK_FALSE(paper.clusters.best);
  CHECK(code.clusters.assign(profiles, 1) == by_hand.clusters.assign(profiles, 1));
  CHECK(code.clusters.assign(profiles, 1) != paper.clusters.assign(profiles, 1));
}

TEST_CASE("prune's variant is the form of its scores") {
  test::Asked asked("prune");
  methods::Request request;
  request.scope = methods::Scope::data_class;
  request.label = 0;
  request.coordination = methods::Coordination::blocking;
  const auto form = [&](const std::string& variant) {
    asked.set("variant", variant);
    const auto procedure = methods::find_method("prune").start(request);
    procedure->next(asked.view, nullptr), procedure->next(asked.view, nullptr);
    return std::get<methods::Erase>(procedure->next(asked.view, nullptr))
        .job.as<methods::PruneJob>()
        ->form.idf;
  };
  CHECK(form("paper") == methods::Discrimination::Idf::paper);
  CHECK(form("code") == methods::Discrimination::Idf::code);
}

TEST_CASE("knot in its code's variant is refused where nobody's images are left to measure by") {
  test::Asked asked("knot");
  asked.scenario.partition.clients = 4;
  for (std::int64_t c = 0; c < 4; ++c) {
    config::Erasure e;
    e.client = c;
    asked.scenario.erasures.push_back(e);
  }
  CHECK(asked.complaints().count("unlearning.knot.variant") == 0);
  asked.set("final", std::string("best"));
  CHECK(asked.complaints().count("unlearning.knot.variant") == 1);
}
