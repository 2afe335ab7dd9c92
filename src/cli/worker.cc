#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/client.h"
#include "cli/files.h"
#include "cli/internal.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/serving.h"

namespace cli {
namespace {

constexpr std::size_t file_octets_max = 1024 * 1024;

bool is_socket(int descriptor) {
  int type = 0;
  socklen_t octets = sizeof type;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &octets) == 0 &&
         type == SOCK_SEQPACKET;
}

/// A server whose privileges are somebody else's.
class ByBroker final : public Supervision {
 public:
  ByBroker() : client_(sys::real::Descriptor(broker::requests_descriptor)) {
    orders_descriptor_ = sys::real::Descriptor(broker::orders_descriptor);
    (void)::fcntl(orders_descriptor_.get(), F_SETFL,
                  ::fcntl(orders_descriptor_.get(), F_GETFL) | O_NONBLOCK);
  }

  [[nodiscard]] std::expected<Configuration, std::string> load(bool anew) {
    const auto got = client_.configuration(anew);
    if (!got) return std::unexpected(got.error());
    auto loaded =
        load_text(got->file, got->text, [this](const std::string& path) { return read(path); });
    if (!loaded) return std::unexpected(mistakes_text(loaded.error()));
    return *std::move(loaded);
  }

  void prepare(sys::real::RealWorld& world) override {
    world.net = sys::real::make_net(world.loop, {.bind = [this](const base::Endpoint& endpoint) {
                                      return client_.listen(endpoint);
                                    }});
    world.disk = sys::real::make_disk(
        {.open_denied = [this](const std::string& path) { return client_.open(path); }});
    world.programs = sys::real::make_programs(
        world.loop, [this](const sys::Program& program) { return client_.run(program); });
    auto orders = sys::real::adopt_connection(world.loop, std::move(orders_descriptor_));
    if (orders) orders_ = std::move(*orders);
  }
  void release() override { orders_.reset(); }
  void ready() override { client_.ready(); }
  [[nodiscard]] std::expected<Configuration, std::string> read_again() override {
    return load(true);
  }
  void taken_over(bool done) override { client_.taken_over(done); }
  [[nodiscard]] LogFile::Opener log_opener() override {
    return [this](const std::string& path) { return client_.open_log(path); };
  }

  [[nodiscard]] base::Task<std::optional<Order>> next_order() override {
    if (!orders_) co_return Order::end;
    const auto octets = co_await base::operation<base::Io<std::string_view>>(
        [this](auto& done) { return orders_->read(done); });
    if (!octets && octets.error().code == base::IoErrorCode::cancelled) co_return std::nullopt;
    if (!octets || octets->empty()) co_return Order::end;  // The broker is gone.
    switch (static_cast<broker::Order>((*octets)[0])) {
      case broker::Order::stop: co_return Order::stop;
      case broker::Order::reload: co_return Order::reload;
    }
    co_return Order::end;
  }

 private:
  [[nodiscard]] std::expected<std::string, std::string> read(const std::string& path) {
    int error = 0;
    auto text = read_file(path, file_octets_max, &error);
    if (text || error != EACCES) return text;
    const auto file = client_.open(path);
    if (!file) return std::unexpected(path + ": " + base::describe(file.error()));
    return read_all(file->get(), path, file_octets_max);
  }

  broker::Client client_;
  sys::real::Descriptor orders_descriptor_;
  std::unique_ptr<sys::Connection> orders_;
};

}  // namespace

int run_worker() {
  if (!is_socket(broker::requests_descriptor) || !is_socket(broker::orders_descriptor)) {
    complain("posthaste: the worker is started by serve alone");
    return exit_usage;
  }
  (void)::fcntl(broker::requests_descriptor, F_SETFD, FD_CLOEXEC);
  (void)::fcntl(broker::orders_descriptor, F_SETFD, FD_CLOEXEC);
  // Programs that run as the same user must not look into its memory.
  (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // The broker says when to end, however many processes a signal is sent to.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_IGN);
  prepare_server_process();
  ByBroker by_broker;
  const auto configuration = by_broker.load(false);
  if (!configuration) {
    complain(configuration.error());
    return exit_usage;
  }
  return serve(*configuration, by_broker);
}

}  // namespace cli
