#include "cli/knock.h"

#include "cli/one_shot.h"
#include "sys/linux/net.h"

namespace cli {
namespace {

using Connected = base::Io<std::unique_ptr<sys::Connection>>;

base::Task<> connect(sys::Net& net, const std::string& path, base::Io<>& result) {
  const Connected connected = co_await base::operation<Connected>(
      [&](base::Completion<Connected>& done) { return net.connect_unix(path, done); });
  if (!connected) result = std::unexpected(connected.error());
}

}  // namespace

base::Io<> knock(const std::string& path) {
  sys::real::RealLoop loop;
  const auto net = sys::real::make_net(loop);
  engine::Timers timers(loop);
  base::Io<> result;
  run_once(loop, timers, connect(*net, path, result));
  return result;
}

}  // namespace cli
