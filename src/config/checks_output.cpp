#include "config/checks_output.hpp"

#include "config/scenario.hpp"
#include "config/text.hpp"

namespace afu::config {

void check_output(const Scenario& s, const Fail& fail) {
  const auto& o = s.output;
  if (o.audit && s.scenario.execute == Execute::timing)
    fail("output.audit",
         "true needs scenario.execute \"train\": with \"timing\" nothing is trained that could be checked",
         {"scenario.execute"});
  if (o.audit && !o.events)
    fail("output.audit", "true needs output.events = true: the order of events is what is checked along",
         {"output.events"});
  for (std::size_t i = 0; i < o.audit_updates.size(); ++i) {
    const auto key = "output.audit_updates[" + std::to_string(i) + "]";
    const auto& wanted = o.audit_updates[i];
    const auto job = job_named(wanted);
    if (!o.audit)
      fail(key, quoted(wanted) + " is given, which output.audit = true alone writes", {"output.audit"});
    else if (!job || job->second == 0)
      fail(key,
           quoted(wanted) +
               " names no job, allowed is \"CLIENT/JOB\", such as \"0/3\" for the third job of client 0",
           {});
    else if (static_cast<std::int64_t>(job->first) >= s.partition.clients)
      fail(key,
           std::to_string(job->first) + " is outside [0, " + std::to_string(s.partition.clients - 1) +
               "], partition.clients is " + std::to_string(s.partition.clients),
           {"partition.clients"});
  }
}

}  // namespace afu::config
