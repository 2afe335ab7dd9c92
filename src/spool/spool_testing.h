#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/task.h"
#include "spool/spool.h"

namespace sim {
class World;
class Machine;
class SimDisk;
class SimLoop;
}  // namespace sim

// For the tests of the spool: a spool on a simulated machine, life after life.
namespace spool {

/// Small segments, so that few messages fill many.
[[nodiscard]] SpoolOptions small_options();

/// What recovery told of one message, and what reading it gives.
struct Found {
  Envelope envelope;
  std::vector<RecipientStatus> statuses;
  std::vector<std::uint32_t> newly_unknown;
  std::uint64_t size = 0;
  base::Io<std::string> content;
};

class Rig {
 public:
  explicit Rig(std::uint64_t seed, const SpoolOptions& options = small_options());
  ~Rig();

  /// Opens the spool and starts its tasks; reads all that it finds.
  [[nodiscard]] base::Io<Recovered> start();
  void stop();                 ///< In order.
  void crash(bool power_cut);  ///< Also after the machine has stopped by itself.

  [[nodiscard]] Spool& spool();
  [[nodiscard]] sim::World& world();
  [[nodiscard]] sim::Machine& machine();
  [[nodiscard]] sim::SimDisk& disk();
  [[nodiscard]] std::map<base::MessageId, Found>& found() { return found_; }
  [[nodiscard]] std::map<std::string, std::string>& hops() { return hops_; }

  /// Starts a task on the home loop; crash() and stop() wait for it.
  void spawn(base::Task<> task);
  /// Lets virtual time pass.
  void pass(base::Duration duration);
  /// Until all spawned tasks have ended.
  void join();

  template <class T>
  [[nodiscard]] T run(base::Task<T> task) {
    std::optional<T> result;
    spawn(into(std::move(task), result));
    join();
    return std::move(*result);
  }

  [[nodiscard]] NewMessage message(std::string_view content, std::size_t recipients = 1);
  /// Appends `octets` in small pieces.
  [[nodiscard]] bool fill(Content& content, std::string_view octets);
  [[nodiscard]] std::optional<base::MessageId> store(std::string_view content,
                                                     std::size_t recipients = 1);
  [[nodiscard]] base::Io<std::string> read(base::MessageId id);

  /// The prefix of every message here.
  static constexpr std::string_view prefix = "Received: by rig.test\r\n";

 private:
  template <class T>
  static base::Task<> into(base::Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
  }
  struct World;
  void tear_down();

  std::unique_ptr<World> world_;
  std::map<base::MessageId, Found> found_;
  std::map<std::string, std::string> hops_;
};

[[nodiscard]] Envelope test_envelope(std::size_t recipients);
[[nodiscard]] RecipientStatus status_of(RecipientState state, std::uint32_t attempts = 1);
/// One recipient's new state.
[[nodiscard]] Change change_of(base::MessageId id, std::uint32_t recipient, RecipientState state);

}  // namespace spool
