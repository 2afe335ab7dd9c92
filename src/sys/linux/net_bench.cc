#include <benchmark/benchmark.h>

#include "base/group.h"
#include "sys/linux/net.h"
#include "sys/linux/net_awaitables.h"

namespace sys::real {
namespace {

using Peer = std::unique_ptr<Connection>;

base::Task<> echo(Peer peer) {
  for (;;) {
    const auto got = co_await read(*peer);
    if (!got) co_return;
    const std::string_view piece = *got;
    if (!co_await write(*peer, {&piece, 1})) co_return;
  }
}

base::Task<> serve_one(Listener& listener, base::Group& sessions) {
  auto peer = co_await accept(listener);
  if (peer) sessions.spawn(echo(std::move(*peer)));
}

base::Task<> ask_again_and_again(benchmark::State& state, Net& net, RealLoop& loop) {
  const auto listener = net.listen(*base::Endpoint::parse("127.0.0.1:0"));
  base::Group sessions;
  sessions.spawn(serve_one(**listener, sessions));
  {
    const auto peer = co_await connect(net, (*listener)->local());
    const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
    const std::string_view piece = text;
    for (auto _ : state) {
      (void)co_await write(**peer, {&piece, 1});
      for (std::size_t got = 0; got < text.size();) {
        const auto octets = co_await read(**peer);
        got += octets ? octets->size() : text.size();
      }
    }
  }
  co_await sessions.join();
  loop.stop();
}

/// Client and server on one loop: two writes, two waits and four recv() for each round trip.
void echo_round_trip(benchmark::State& state) {
  RealLoop loop;
  const auto net = make_net(loop);
  base::Group group;
  group.spawn(ask_again_and_again(state, *net, loop));
  loop.run();
}
BENCHMARK(echo_round_trip)->Arg(16)->Arg(4'096);

}  // namespace
}  // namespace sys::real
