#include <gtest/gtest.h>

#include <functional>

#include "sim/world.h"
#include "spool/crash_model.h"

// Random work, power cuts and kills at random operations of the disk, over many seeds (P1 to P4),
// and the proof that the test sees what it must: each sync left out in turn.
namespace spool {
namespace {

using base::MessageId;
using sim::DiskOperation;

/// One client or worker of the spool; several run side by side.
class Actor {
 public:
  Actor(Rig& rig, Model& model, sim::Rng rng) : rig_(rig), model_(model), rng_(rng) {}

  base::Task<> run(int acts) {
    for (int i = 0; i < acts && !rig_.machine().is_stopped(); ++i) {
      switch (rng_.below(10)) {
        case 0:
        case 1:
        case 2:
        case 3: co_await accept(); break;
        case 4:
        case 5:
        case 6: co_await attempt(); break;
        case 7: co_await report(); break;
        case 8: co_await hold(); break;
        case 9: rig_.spool().put_hop("hop" + std::to_string(rng_.below(5)), "x"); break;
      }
    }
  }

 private:
  using Recipient = Model::Recipient;

  std::string make_content() {
    const std::size_t octets = rng_.chance(100) ? 66'000 + rng_.below(5'000) : rng_.below(9'000);
    std::string out = std::to_string(rng_.next());
    out.resize(std::max(out.size(), octets), static_cast<char>('a' + rng_.below(26)));
    return out;
  }

  base::Task<bool> append(Content& content, std::string_view octets) {
    co_return (co_await content.append(octets)).has_value();
  }

  base::Task<> accept() {
    NewMessage message{
        rig_.spool().new_id(), {}, std::string(Rig::prefix), rig_.spool().new_content()};
    const MessageId id = message.id;
    const std::string content = make_content();
    const std::size_t recipients = rng_.chance(300) ? 1 + rng_.below(20) : 1;
    message.envelope = test_envelope(recipients);
    if (!co_await append(message.content, content)) co_return;
    Model::Message& known = model_.messages[id];
    known.content = content;
    known.recipients.resize(recipients);
    const auto stored = co_await rig_.spool().accept(std::move(message));
    told(model_.messages[id], stored ? nullptr : &stored.error());
  }

  void told(Model::Message& message, const StoreError* error) {
    if (error == nullptr) {
      message.told = Model::Told::stored;
      model_.settle();
    } else if (error->kind == StoreError::Kind::refused && !rig_.machine().is_stopped()) {
      message.told = Model::Told::refused;
    }
  }

  /// A recipient that nothing else is being done to.
  struct Target {
    MessageId id;
    std::uint32_t index = 0;
    [[nodiscard]] Change change(RecipientState state, std::uint32_t attempts) const {
      return {id, {{index, status_of(state, attempts)}}};
    }
  };
  std::optional<Target> target() {
    std::vector<Target> out;
    for (const auto& [id, message] : model_.messages) {
      if (!rig_.spool().contains(id)) continue;
      for (std::uint32_t i = 0; i < message.recipients.size(); ++i)
        if (const Recipient& it = message.recipients[i]; !it.busy && !it.begun && !it.maybe_final)
          out.push_back({id, i});
    }
    if (out.empty()) return std::nullopt;
    return out[rng_.below(out.size())];
  }
  Recipient& of(const Target& target) {
    return model_.messages.at(target.id).recipients[target.index];
  }

  base::Task<> attempt() {
    const auto chosen = target();
    if (!chosen) co_return;
    Recipient& recipient = of(*chosen);
    recipient.busy = true;
    const std::vector<std::uint32_t> indexes = {chosen->index};
    const base::Io<> begun = co_await rig_.spool().attempt_begun(chosen->id, indexes);
    if (!begun) {
      recipient.busy = rig_.machine().is_stopped();
      co_return;
    }
    recipient.begun = true;
    recipient.busy = false;
    if (rng_.chance(300)) co_await sys::Yield(*loop());
    recipient.busy = true;
    co_await outcome(*chosen, rng_.coin() ? RecipientState::delivered : RecipientState::deferred);
  }

  base::Task<> outcome(Target chosen, RecipientState state) {
    Recipient& recipient = of(chosen);
    recipient.maybe_final = is_final(state);
    const Change change = chosen.change(state, static_cast<std::uint32_t>(rng_.below(100)));
    const base::Io<> written = co_await rig_.spool().outcome(change);
    if (!written) co_return;  // Still busy: nothing is promised.
    recipient.busy = false;
    recipient.begun = false;
    recipient.has_report = true;
    recipient.reported = change.items[0].status;
  }

  base::Task<> hold() {
    const auto chosen = target();
    if (!chosen) co_return;
    of(*chosen).busy = true;
    co_await outcome(*chosen, RecipientState::held);
  }

  base::Task<> report() {
    const auto chosen = target();
    if (!chosen) co_return;
    of(*chosen).busy = true;
    of(*chosen).maybe_final = true;
    NewMessage message{rig_.spool().new_id(), test_envelope(1), std::string(Rig::prefix),
                       rig_.spool().new_content()};
    const MessageId id = message.id;
    const std::string content = make_content();
    if (!co_await append(message.content, content)) co_return;
    Model::Message& known = model_.messages[id];
    known.content = content;
    known.recipients.resize(1);
    known.report_of = chosen->id;
    known.about = chosen->index;
    const Change change = chosen->change(RecipientState::bounced, 1);
    const auto committed =
        co_await rig_.spool().commit(std::vector<Change>{change}, std::move(message));
    told(model_.messages[id], committed ? nullptr : &committed.error());
    Recipient& recipient = of(*chosen);
    if (committed) {
      recipient.surely_final = true;
      recipient.has_report = true;
      recipient.reported = change.items[0].status;
      recipient.busy = false;
    } else if (committed.error().kind == StoreError::Kind::refused &&
               !rig_.machine().is_stopped()) {
      recipient.maybe_final = false;
      recipient.busy = false;
    }
  }

  sys::Loop* loop() { return rig_.world().current(); }

  Rig& rig_;
  Model& model_;
  sim::Rng rng_;
};

/// What the disk did last to a segment as a whole, before a sync of the spool's folder.
DiskOperation last_of_segment(const sim::SimDisk& disk) {
  for (auto at = disk.log().rbegin(); at != disk.log().rend(); ++at) {
    const bool whole = at->operation == DiskOperation::allocate ||
                       at->operation == DiskOperation::unlink ||
                       at->operation == DiskOperation::rename;
    if (whole && at->path.contains("/log.")) return at->operation;
  }
  return DiskOperation::list;
}

struct Site {
  std::string_view name;
  std::function<bool(const sim::SimDisk&, DiskOperation, std::string_view path)> is_it;
};

const Site sites[] = {
    {"a frame",
     [](const sim::SimDisk&, DiskOperation operation, std::string_view path) {
       return operation == DiskOperation::sync && path.contains("/log.");
     }},
    {"a content's file",
     [](const sim::SimDisk&, DiskOperation operation, std::string_view path) {
       return operation == DiskOperation::sync && path.contains("/content/");
     }},
    {"the folder of contents",
     [](const sim::SimDisk&, DiskOperation operation, std::string_view path) {
       return operation == DiskOperation::sync_directory && path.ends_with("/content");
     }},
    {"the folder, after a new segment",
     [](const sim::SimDisk& disk, DiskOperation operation, std::string_view path) {
       return operation == DiskOperation::sync_directory && path.ends_with("/queue") &&
              last_of_segment(disk) == DiskOperation::allocate;
     }},
};

struct Plan {
  std::uint64_t seed = 0;
  unsigned failing_syncs = 0;  ///< Of a thousand.
  bool small_disk = false;
  const Site* skip = nullptr;  ///< Its syncs do nothing.
};

constexpr int lives = 5;
constexpr int actors_each = 6;

/// The first contradiction, or nothing.
std::string run_lives(const Plan& plan) {
  Rig rig(plan.seed);
  Model model;
  sim::Rng rng(plan.seed * 7 + 1);
  rig.disk().record(true);
  bool power_cut = true;
  for (int life = 0; life < lives; ++life) {
    rig.disk().clear_log();
    if (plan.skip != nullptr)
      rig.disk().set_skip([&](DiskOperation operation, const std::string& path, std::uint64_t) {
        return plan.skip->is_it(rig.disk(), operation, path);
      });
    const auto started = rig.start();
    if (!started) return "no start: " + base::describe(started.error());
    if (std::string wrong = model.check(rig, power_cut); !wrong.empty())
      return "life " + std::to_string(life) + ": " + wrong;
    rig.disk().fail_syncs(plan.failing_syncs);
    if (plan.small_disk) rig.disk().set_capacity(rig.disk().used() + (400u << 10));
    power_cut = plan.skip != nullptr || rng.coin();
    rig.machine().stop_at_disk_operation(rng.below(plan.skip != nullptr ? 250 : 500),
                                         power_cut ? sim::Stop::power_cut : sim::Stop::kill);
    std::vector<std::unique_ptr<Actor>> actors;
    for (int i = 0; i < actors_each; ++i) {
      actors.push_back(std::make_unique<Actor>(rig, model, rng.fork()));
      rig.spawn(actors.back()->run(30));
    }
    rig.join();
    if (rng.coin()) rig.pass(std::chrono::milliseconds(rng.below(300)));
    rig.machine().stop_not();
    rig.disk().set_skip({});
    rig.disk().fail_syncs(0);
    rig.disk().set_capacity(std::nullopt);
    rig.crash(power_cut);
  }
  const auto started = rig.start();
  if (!started) return "no start at the end";
  std::string wrong = model.check(rig, power_cut);
  rig.stop();
  return wrong;
}

TEST(spool_crash, what_was_promised_is_found) {
  for (std::uint64_t seed = 0; seed < 150; ++seed)
    ASSERT_EQ(run_lives({.seed = seed}), "") << "seed " << seed;
}

TEST(spool_crash, also_when_syncs_fail) {
  for (std::uint64_t seed = 1'000; seed < 1'100; ++seed)
    ASSERT_EQ(run_lives({.seed = seed, .failing_syncs = 100}), "") << "seed " << seed;
}

TEST(spool_crash, also_when_the_disk_is_full) {
  for (std::uint64_t seed = 2'000; seed < 2'060; ++seed)
    ASSERT_EQ(run_lives({.seed = seed, .small_disk = true}), "") << "seed " << seed;
}

TEST(spool_crash, the_same_seed_gives_the_same_run) {
  const auto fingerprint = [] {
    Rig rig(5);
    Model model;
    EXPECT_TRUE(rig.start());
    Actor actor(rig, model, sim::Rng(5));
    rig.spawn(actor.run(50));
    rig.join();
    return rig.world().fingerprint();
  };
  EXPECT_EQ(fingerprint(), fingerprint());
}

TEST(spool_crash, each_sync_is_needed) {
  for (const Site& site : sites) {
    std::uint64_t seed = 0;
    std::string wrong;
    for (; seed < 50 && wrong.empty(); ++seed) wrong = run_lives({.seed = seed, .skip = &site});
    EXPECT_NE(wrong, "") << site.name;
    GTEST_LOG_(INFO) << site.name << ": found with seed " << seed << ": " << wrong;
  }
}

}  // namespace
}  // namespace spool
