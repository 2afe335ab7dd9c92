#include <benchmark/benchmark.h>

#include "directory/snapshot.h"

// One address costs the same in a small table and in a large one (but for the caches of the
// processor).
namespace directory {
namespace {

grammar::Mailbox numbered(const char* name, std::int64_t number) {
  return *grammar::Mailbox::parse(name + std::to_string(number) + "@example.org");
}

void expand_in_a_table_of(benchmark::State& state) {
  SnapshotParts parts;
  parts.domains.push_back({.name = *grammar::Domain::parse("example.org")});
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    parts.users.push_back({.mailbox = numbered("user", i), .password = {}, .may_send_as = {}});
    parts.aliases.push_back({.address = numbered("alias", i), .to = {numbered("user", i)}});
  }
  const Snapshot snapshot(std::move(parts));
  const auto alias = numbered("alias", state.range(0) / 2);
  const auto unknown = numbered("unknown+x", 1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(snapshot.expand(alias));
    benchmark::DoNotOptimize(snapshot.expand(unknown));
  }
}
BENCHMARK(expand_in_a_table_of)->Arg(10)->Arg(1'000)->Arg(100'000);

}  // namespace
}  // namespace directory
