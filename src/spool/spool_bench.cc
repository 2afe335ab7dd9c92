#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/group.h"
#include "spool/spool.h"
#include "sys/linux/world.h"

// Durable acceptance against the real disk: SPOOL_BENCH_DIR, or a folder below the current one.
namespace spool {
namespace {

struct Nobody final : RecoverySink {
  void message(const RecoveredMessage&) override {}
  void hop(std::string_view, std::string_view) override {}
};

/// A spool with its two loops. Runs on the benchmark's thread.
class Bench {
 public:
  Bench() : commit_("commit") {
    const char* const above = std::getenv("SPOOL_BENCH_DIR");
    SpoolOptions options;
    options.directory = std::string(above != nullptr ? above : ".") + "/spool-bench";
    std::filesystem::remove_all(options.directory);
    directory_ = options.directory;
    spool_ = std::make_unique<Spool>(SpoolWorld{world_.loop, *world_.disk, commit_.loop(),
                                                *world_.disk, *world_.clock, *world_.random},
                                     options);
    run(open());
    home_tasks_.spawn(spool_->run());
    commits_.run = [](base::Posted& posted) noexcept {
      auto& commits = static_cast<Commits&>(posted);
      commits.tasks.spawn(commits.spool->run_commits());
    };
    commits_.spool = spool_.get();
    commit_.loop().post(commits_, commits_);
  }
  ~Bench() {
    run(spool_->stop());
    std::filesystem::remove_all(directory_);
  }

  /// Until it has ended.
  void run(base::Task<> task) {
    tasks_.spawn(then_stop(std::move(task)));
    world_.loop.run();
  }

  /// `sessions` clients send `messages` of `octets` in all, and each is delivered at once.
  base::Task<> send(std::size_t sessions, std::size_t messages, std::size_t octets) {
    content_.assign(octets, 'x');
    left_ = messages;
    base::Group group;
    for (std::size_t i = 0; i < sessions; ++i) group.spawn(session());
    co_await group.join();
  }

  [[nodiscard]] SpoolStatistics statistics() const { return spool_->statistics(); }

 private:
  struct Commits : base::Posted {
    Spool* spool = nullptr;
    base::Group tasks;
  };

  base::Task<> open() {
    if (!co_await spool_->open(nobody_)) std::abort();
  }

  base::Task<> then_stop(base::Task<> task) {
    co_await std::move(task);
    world_.loop.stop();
  }

  base::Task<> session() {
    while (left_ > 0) {
      --left_;
      NewMessage message{
          spool_->new_id(), {}, "Received: by bench.test\r\n", spool_->new_content()};
      message.envelope.reverse_path = "<ann@a.test>";
      message.envelope.recipients.push_back({"<zoe@z.test>", 0, ""});
      message.envelope.client = "192.0.2.1";
      if (!co_await message.content.append(content_)) std::abort();
      const auto stored = co_await spool_->accept(std::move(message));
      if (!stored) std::abort();
      Change change{stored->id, {{0, {}}}};
      change.items[0].status.state = RecipientState::delivered;
      if (!co_await spool_->outcome(std::move(change))) std::abort();
    }
  }

  sys::real::RealWorld world_;
  std::string directory_;
  std::string content_;
  std::size_t left_ = 0;
  Nobody nobody_;
  std::unique_ptr<Spool> spool_;
  base::Group tasks_;
  base::Group home_tasks_;
  Commits commits_;
  sys::real::LoopThread commit_;
};

void accept(benchmark::State& state) {
  constexpr std::size_t messages = 5'000;
  Bench bench;
  for (auto _ : state)
    bench.run(bench.send(static_cast<std::size_t>(state.range(0)), messages,
                         static_cast<std::size_t>(state.range(1))));
  const SpoolStatistics statistics = bench.statistics();
  state.SetItemsProcessed(static_cast<std::int64_t>(statistics.accepted));
  state.counters["messages/sync"] =
      static_cast<double>(statistics.accepted) / static_cast<double>(statistics.frames);
  state.counters["octets/octet"] = static_cast<double>(statistics.frame_octets) /
                                   static_cast<double>(statistics.accepted) /
                                   static_cast<double>(state.range(1));
}
BENCHMARK(accept)
    ->ArgNames({"sessions", "octets"})
    ->Args({1, 4'096})
    ->Args({20, 4'096})
    ->Args({100, 4'096})
    ->Args({20, 51'200})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace spool
