#include "cli/queue_offline.h"

#include <utility>

#include "base/group.h"
#include "cli/data_owner.h"
#include "cli/log_file.h"
#include "cli/server_host.h"

namespace cli {
namespace {

/// A server that only answers, and only once.
class Change {
 public:
  Change(std::shared_ptr<const config::Config> config, const LogFile* log)
      : host_(
            world_, std::move(config),
            [log](std::string_view lines) {
              if (log != nullptr) log->write(lines);
            },
            server::Purpose::change_queue) {}

  QueueSource::Result run(const std::string& request, const QueueSource::Take& take) {
    base::Group group;
    group.spawn(act(request, take));
    world_.loop.run();
    return result_;
  }

 private:
  struct Writer {
    const QueueSource::Take& take;
    base::Task<bool> operator()(std::string_view octets) const {
      take(octets);
      co_return true;
    }
  };

  base::Task<> act(const std::string& request, const QueueSource::Take& take) {
    server::Server& server = host_.server();
    const auto started = co_await server.start();
    running_.spawn(server.run());
    if (started) {
      const admin::ControlWriter write = Writer{take};
      co_await server.answer(request, write);
    } else {
      result_ = std::unexpected(server.found_busy() ? "a server has just been started there"
                                                    : started.error());
    }
    server.stop();
    co_await running_.join();
    world_.loop.stop();
  }

  sys::real::RealWorld world_;
  ServerHost host_;
  base::Group running_;
  QueueSource::Result result_;
};

}  // namespace

QueueSource::Result change_offline(std::shared_ptr<const config::Config> config,
                                   const std::string& request, const QueueSource::Take& take) {
  if (auto become = become_owner_of(config->data_dir); !become) return become;
  std::expected<LogFile, std::string> log = LogFile::open(config->log.file);
  if (!log) return std::unexpected(log.error());
  const bool has_file = !config->log.file.empty();
  return Change(std::move(config), has_file ? &*log : nullptr).run(request, take);
}

}  // namespace cli
