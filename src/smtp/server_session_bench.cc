#include <benchmark/benchmark.h>

#include <string>

#include "smtp/server_test_driver.h"

namespace smtp::test {
namespace {

[[nodiscard]] std::string message(std::size_t octets) {
  std::string out;
  while (out.size() < octets) out += std::string(70, 'x') + "\r\n";
  return out;
}

/// One transaction with a message of so many octets, in reads of 16 KiB; the driver copies content.
void transaction(benchmark::State& state) {
  ServerOptions options = mx_options();
  options.message_size = 1u << 20;
  Driver driver(options);
  driver.feed("EHLO client.example\r\n");
  const std::string in = "MAIL FROM:<a@a.example> SIZE=4000\r\nRCPT TO:<b@b.example>\r\nDATA\r\n" +
                         message(static_cast<std::size_t>(state.range(0))) + ".\r\n";
  for (auto _ : state) {
    for (std::size_t at = 0; at < in.size(); at += 16'384) {
      driver.feed(std::string_view(in).substr(at, 16'384));
    }
    driver.accepted.clear();
    driver.output.clear();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(in.size()) * state.iterations());
}
BENCHMARK(transaction)->Arg(0)->Arg(4'096)->Arg(51'200);

void decode(benchmark::State& state) {
  const std::string in = message(16'384);
  for (auto _ : state) {
    ContentDecoder decoder;
    benchmark::DoNotOptimize(decoder.decode(in));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(in.size()) * state.iterations());
}
BENCHMARK(decode);

}  // namespace
}  // namespace smtp::test
