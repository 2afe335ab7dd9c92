#include "cli/queue_source.h"

#include <boost/json.hpp>
#include <chrono>
#include <thread>
#include <utility>

#include "admin/control.h"
#include "cli/knock.h"
#include "cli/one_shot.h"
#include "sys/linux/net.h"

namespace cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// A server that starts or ends holds the spool, and does not answer yet or any more.
constexpr auto patience = 5s;
constexpr auto patience_step = 50ms;

class RunningQueue final : public QueueSource {
 public:
  explicit RunningQueue(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] bool is_running() const override { return true; }
  Result list(const Take& take) override { return ask({{"command", "list"}}, take); }
  Result show(base::MessageId id, const Take& take) override {
    return ask({{"command", "show"}, {"id", base::to_string(id)}}, take);
  }
  Result body(base::MessageId id, const Take& take) override;
  Result act(const std::string& request, const Take& take) override {
    return ask_text(request, take);
  }

 private:
  Result ask(const json::object& request, const Take& take) {
    return ask_text(json::serialize(request), take);
  }
  Result ask_text(const std::string& request, const Take& take);

  std::string path_;
};

base::Task<> ask_server(sys::Net& net, engine::Timers& timers, std::string path,
                        std::string request, QueueSource::Take take, base::Io<>& result) {
  result =
      co_await admin::ask_server(net, timers, std::move(path), std::move(request), std::move(take));
}

QueueSource::Result RunningQueue::ask_text(const std::string& request, const Take& take) {
  sys::real::RealLoop loop;
  const auto net = sys::real::make_net(loop);
  engine::Timers timers(loop);
  base::Io<> result;
  run_once(loop, timers, ask_server(*net, timers, path_, request, take, result));
  if (!result) return std::unexpected(path_ + ": " + base::describe(result.error()));
  return {};
}

QueueSource::Result RunningQueue::body(base::MessageId id, const Take& take) {
  std::string description;
  const Result shown = show(id, [&](std::string_view octets) { description += octets; });
  if (!shown) return shown;
  boost::system::error_code error;
  const json::value message = json::parse(description, error);
  const json::value* size = error ? nullptr : message.as_object().if_contains("size");
  if (size == nullptr) return {};  // No such message.
  std::uint64_t missing = size->to_number<std::uint64_t>();
  const Result got =
      ask({{"command", "body"}, {"id", base::to_string(id)}}, [&](std::string_view octets) {
        missing -= std::min<std::uint64_t>(missing, octets.size());
        take(octets);
      });
  if (!got) return got;
  if (missing != 0) return std::unexpected("the content is damaged, or has just left the queue");
  return {};
}

}  // namespace

OpenedQueue open_queue(std::shared_ptr<const config::Config> config) {
  const std::string path = admin::control_path(config->data_dir);
  const auto give_up = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const base::Io<> running = knock(path);
    if (running) return std::make_unique<RunningQueue>(path);
    if (!is_stopped(running)) {
      return std::unexpected(path + ": " + base::describe(running.error()));
    }
    OpenedQueue stopped = open_stopped_queue(config);
    if (!stopped || *stopped) return stopped;
    if (std::chrono::steady_clock::now() > give_up) {
      return std::unexpected(config->data_dir + ": a server is starting or ending there");
    }
    std::this_thread::sleep_for(patience_step);
  }
}

}  // namespace cli
