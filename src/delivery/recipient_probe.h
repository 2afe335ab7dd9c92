#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/task.h"
#include "base/time.h"
#include "delivery/settings.h"
#include "route/target.h"

namespace sys {
class Net;
class Random;
}  // namespace sys

namespace engine {
class Resolver;
class Timers;
}  // namespace engine

namespace delivery {

/// What the server behind a domain says of a recipient.
enum class Probed : std::uint8_t {
  known,        ///< It would take mail for it.
  unknown,      ///< 5yz to RCPT.
  unavailable,  ///< It could not be asked, or could not say.
};

/// Asks LMTP and SMTP servers whether they know a recipient, for `recipients = "ask"`:
///
///     LHLO  MAIL FROM:<>  RCPT TO:<…>  QUIT
///
/// Answers are remembered: known ones for 5 minutes, unknown ones for one. Bounded: at most
/// answers_max of them, and asking_max questions at once; beyond these the answer is unavailable.
class RecipientProbe {
 public:
  /// Of everything that is done for one question.
  static constexpr base::Duration patience = std::chrono::seconds(10);
  static constexpr base::Duration known_for = std::chrono::minutes(5);
  static constexpr base::Duration unknown_for = std::chrono::minutes(1);
  static constexpr std::size_t answers_max = 10'000;
  static constexpr std::size_t asking_max = 20;

  /// `settings` gives those in force. All references outlive the probe; the probe outlives what it
  /// is asked.
  RecipientProbe(sys::Net& net, engine::Timers& timers, engine::Resolver& resolver,
                 sys::Random& random, std::function<std::shared_ptr<const Settings>()> settings);

  /// `deliver_target` as route::Target::print() gives it; what is no lmtp, smtp or smtps target is
  /// unavailable. `forward_path` is printed, with `<>`. Bounded in time by `patience`.
  [[nodiscard]] base::Task<Probed> ask(std::string deliver_target, std::string forward_path);

 private:
  struct Answer {
    Probed probed;
    base::Instant until;
  };

  [[nodiscard]] base::Task<> ask_server(route::Target target, std::string forward_path,
                                        Probed& probed);
  void remember(std::string key, Probed probed);

  sys::Net& net_;
  engine::Timers& timers_;
  engine::Resolver& resolver_;
  sys::Random& random_;
  std::function<std::shared_ptr<const Settings>()> settings_;
  std::unordered_map<std::string, Answer> answers_;
  std::size_t asking_ = 0;
};

}  // namespace delivery
