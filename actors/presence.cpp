#include "actors/presence.hpp"

#include <caf/all.hpp>
#include <utility>

namespace afu::actors {
namespace {

class RemoteEngine final : public lane::Engine {
 public:
  explicit RemoteEngine(std::shared_ptr<Presence> presence) : presence_(std::move(presence)) {}
  job::JobResult run(const job::Job& job) override {
    return std::move(run_together({std::make_shared<const job::Job>(job)}).front());
  }
  std::vector<job::JobResult> run_together(
      const std::vector<std::shared_ptr<const job::Job>>& jobs) override {
    auto order = std::make_shared<Order>();
    order->jobs = jobs;
    auto results = order->results.get_future();
    if (const auto link = presence_->link())
      caf::anon_send(link, std::move(order));
    else
      throw lane::NodeLost("the run ends");
    try {
      return results.get();
    } catch (const std::future_error&) {  // the link has ended, and the order with it
      throw lane::NodeLost("the run ends");
    }
  }
  void await_node() override {
    if (presence_->wait() != Presence::State::there) throw lane::NodeLost("the run ends");
  }

 private:
  std::shared_ptr<Presence> presence_;
};

}  // namespace

std::unique_ptr<lane::Engine> remote_engine(std::shared_ptr<Presence> presence) {
  return std::make_unique<RemoteEngine>(std::move(presence));
}

}  // namespace afu::actors
