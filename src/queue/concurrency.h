#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace queue {

/// How much one next hop may be asked to do at once, learnt from how it answers.
///
/// Begins small. Each transaction that it answers makes room for another connection, so that a host
/// that is well is used to the full after a few messages. As many refusals in a row as there may be
/// connections halve the room. A host that says it has no room for another connection (421, or none
/// is taken) while some are open gets no more than those for a while. 421 to everything makes us
/// pause, each time for twice as long; an answer ends that.
class Concurrency {
 public:
  static constexpr std::uint32_t first = 5;  ///< Connections to a host that nothing is known of.
  /// Refusals in a row that halve the room, at least: a single one says nothing.
  static constexpr std::uint32_t burst_min = 3;
  static constexpr base::Duration ceiling_for = std::chrono::minutes(10);
  static constexpr base::Duration pause_min = std::chrono::seconds(1);
  static constexpr base::Duration pause_max = std::chrono::minutes(1);

  /// A transaction was answered: taken, or refused for good. Returns whether there is more room.
  bool answered(std::size_t most);
  /// A transaction was refused for now [RFC5321 4.2.1], or lost. Returns whether there is less
  /// room.
  bool refused();
  /// The host closes its service [RFC5321 3.8]: as refused(), and a pause.
  bool closing(base::Instant now);
  /// It takes no more than `open` connections.
  void full(std::size_t open, base::Instant now);
  /// It could not be reached at all: everything begins anew, by one connection.
  void failed();
  /// An operator wants it tried now.
  void hurry();

  /// Connections at once, from 1 to `most`.
  [[nodiscard]] std::size_t allowed(std::size_t most, base::Instant now) const;
  /// A host that is forgotten now and comes back soon should not be learnt anew.
  [[nodiscard]] bool is_worth_keeping(base::Instant now) const {
    return now < ceiling_until_ || now < paused_until_;
  }
  /// Nothing new is begun before.
  [[nodiscard]] base::Instant paused_until() const { return paused_until_; }

 private:
  std::uint32_t room_ = first;
  std::uint32_t refusals_ = 0;  ///< In a row.
  std::uint32_t ceiling_ = 0;   ///< 0: none is known.
  std::uint32_t pauses_ = 0;    ///< In a row.
  base::Instant ceiling_until_{};
  base::Instant paused_until_{};
};

}  // namespace queue
