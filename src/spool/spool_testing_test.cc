#include "spool/spool_testing.h"

#include <gtest/gtest.h>

#include "base/group.h"
#include "sim/world.h"

namespace spool {

namespace {

using base::Io;
using base::MessageId;

class Listener final : public RecoverySink {
 public:
  explicit Listener(Rig& rig) : rig_(rig) {}
  void message(const RecoveredMessage& message) override {
    const auto [at, is_new] = rig_.found().try_emplace(message.id);
    EXPECT_TRUE(is_new) << base::to_string(message.id) << " told twice";
    at->second.envelope = message.envelope;
    at->second.statuses = message.statuses;
    at->second.newly_unknown = message.newly_unknown;
    at->second.size = message.size;
  }
  void hop(std::string_view key, std::string_view blob) override {
    rig_.hops()[std::string(key)] = blob;
  }

 private:
  Rig& rig_;
};

}  // namespace

struct Rig::World {
  World(std::uint64_t seed, SpoolOptions its_options)
      : world(seed),
        machine(world.make_machine("rig", {"192.0.2.1"})),
        home(machine.make_loop("home")),
        commit(machine.make_loop("commit")),
        options(std::move(its_options)) {}

  sim::World world;
  sim::Machine& machine;
  sim::SimLoop& home;
  sim::SimLoop& commit;
  SpoolOptions options;
  std::unique_ptr<Spool> spool;
  base::Group tasks;
  base::Group home_tasks;
  base::Group commit_tasks;
  bool running = false;
};

SpoolOptions small_options() {
  SpoolOptions options;
  options.directory = "/data/queue";
  options.segment_octets = 256u << 10;
  options.allocate_octets = 64u << 10;
  options.journal_octets = 4u << 10;
  options.content_memory_max = 2u << 20;
  return options;
}

Rig::Rig(std::uint64_t seed, const SpoolOptions& options)
    : world_(std::make_unique<World>(seed, options)) {}

Rig::~Rig() {
  if (world_->spool) stop();
}

Spool& Rig::spool() { return *world_->spool; }
sim::World& Rig::world() { return world_->world; }
sim::Machine& Rig::machine() { return world_->machine; }
sim::SimDisk& Rig::disk() { return world_->machine.disk(); }

void Rig::spawn(base::Task<> task) {
  world_->home.enter([&] { world_->tasks.spawn(std::move(task)); });
}

void Rig::join() {
  const sim::Ran ran = world_->world.run_while([this] { return world_->tasks.size() > 0; });
  ASSERT_EQ(ran, sim::Ran::done);
}

void Rig::pass(base::Duration duration) {
  EXPECT_NE(world_->world.run_for(duration), sim::Ran::stuck);
}

Io<Recovered> Rig::start() {
  found_.clear();
  hops_.clear();
  World& world = *world_;
  world.spool = std::make_unique<Spool>(
      SpoolWorld{world.home, world.machine.disk(), world.commit, world.machine.disk(),
                 world.machine.clock(), world.machine.random()},
      world.options);
  Listener listener(*this);
  Io<Recovered> recovered = run(world.spool->open(listener));
  if (!recovered) return recovered;
  world.running = true;
  world.home.enter([&] { world.home_tasks.spawn(world.spool->run()); });
  world.commit.enter([&] { world.commit_tasks.spawn(world.spool->run_commits()); });
  for (auto& [id, found] : found_) found.content = read(id);
  return recovered;
}

void Rig::tear_down() {
  World& world = *world_;
  join();
  if (world.running) {
    spawn(world.spool->stop());
    join();
    const sim::Ran ran = world.world.run_while(
        [&] { return world.home_tasks.size() + world.commit_tasks.size() > 0; });
    ASSERT_EQ(ran, sim::Ran::done);
  }
  world.running = false;
  world.spool.reset();
}

void Rig::stop() { tear_down(); }

void Rig::crash(bool power_cut) {
  world_->machine.stop(power_cut ? sim::Stop::power_cut : sim::Stop::kill);
  if (world_->spool) tear_down();
  world_->machine.restart();
}

bool Rig::fill(Content& content, std::string_view octets) {
  constexpr std::size_t piece = 5'000;
  for (; !octets.empty(); octets.remove_prefix(std::min(piece, octets.size())))
    if (!run(content.append(octets.substr(0, piece)))) return false;
  return true;
}

NewMessage Rig::message(std::string_view content, std::size_t recipients) {
  NewMessage message{spool().new_id(), test_envelope(recipients), std::string(prefix),
                     spool().new_content()};
  // A fault here makes it shorter; who injects faults looks at what the content holds.
  static_cast<void>(fill(message.content, content));
  return message;
}

std::optional<MessageId> Rig::store(std::string_view content, std::size_t recipients) {
  NewMessage message{spool().new_id(), test_envelope(recipients), std::string(prefix),
                     spool().new_content()};
  if (!fill(message.content, content)) return std::nullopt;
  const auto stored = run(spool().accept(std::move(message)));
  if (!stored) return std::nullopt;
  return stored->id;
}

Io<std::string> Rig::read(MessageId id) {
  auto reader = spool().read_content(id);
  if (!reader) return std::unexpected(reader.error());
  std::string out;
  std::string buffer(3'000, '\0');
  for (;;) {
    const Io<std::size_t> octets = reader->read(buffer);
    if (!octets) return std::unexpected(octets.error());
    if (*octets == 0) return out;
    out.append(buffer, 0, *octets);
  }
}

Envelope test_envelope(std::size_t recipients) {
  Envelope envelope;
  envelope.reverse_path = "<ann@a.test>";
  for (std::size_t i = 0; i < recipients; ++i)
    envelope.recipients.push_back({"<r" + std::to_string(i) + "@z.test>", 0, ""});
  envelope.received = base::WallTime(std::chrono::milliseconds(1'234'567));
  envelope.client = "192.0.2.7 (client.test)";
  envelope.helo = "client.test";
  envelope.envid = "e1";
  envelope.ret = 2;
  envelope.eight_bit = true;
  return envelope;
}

RecipientStatus status_of(RecipientState state, std::uint32_t attempts) {
  RecipientStatus status;
  status.state = state;
  status.attempts = attempts;
  status.last_reply = "451 4.3.0 come back";
  status.via = "mx.z.test";
  return status;
}

Change change_of(MessageId id, std::uint32_t recipient, RecipientState state) {
  return {id, {{recipient, status_of(state)}}};
}

}  // namespace spool
