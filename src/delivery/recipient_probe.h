#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/task.h"
#include "base/time.h"
#include "delivery/settings.h"
#include "route/decide.h"

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

/// Asks LMTP and SMTP servers whether they know a recipient, for `recipients = "ask"`, and the next
/// hops of `relay.domains` for `relay.ask`:
///
///     LHLO  MAIL FROM:<>  RCPT TO:<…>  QUIT
///
/// A next hop that could not be connected to is not asked again for a minute. STARTTLS is only
/// given where it must be. Answers are remembered: known ones for 5 minutes, unknown ones for one.
/// Bounded: at most answers_max of them, and asking_max questions at once; beyond these the answer
/// is unavailable.
class RecipientProbe {
 public:
  /// Of everything that is done for one question.
  static constexpr base::Duration patience = std::chrono::seconds(10);
  static constexpr base::Duration known_for = std::chrono::minutes(5);
  static constexpr base::Duration unknown_for = std::chrono::minutes(1);
  static constexpr base::Duration down_for = std::chrono::minutes(1);
  static constexpr std::size_t answers_max = 10'000;
  static constexpr std::size_t asking_max = 20;

  /// `settings` gives those in force. All references outlive the probe; the probe outlives what it
  /// is asked.
  RecipientProbe(sys::Net& net, engine::Timers& timers, engine::Resolver& resolver,
                 sys::Random& random, std::function<std::shared_ptr<const Settings>()> settings);

  /// `deliver_target` as route::Target::print() gives it, or empty: the next hop of the recipient,
  /// by routes or MX, where mail goes that we relay. What is no lmtp, smtp or smtps target is
  /// unavailable. `forward_path` is printed, with `<>`. Bounded in time by `patience`.
  [[nodiscard]] base::Task<Probed> ask(std::string deliver_target, std::string forward_path);

 private:
  struct Answer {
    Probed probed;
    base::Instant until;
  };

  struct Question {
    route::Decision decision;
    std::string forward_path;
    bool by_route = false;  ///< Of a relay domain.
  };
  [[nodiscard]] std::optional<Question> question_of(const std::string& deliver_target,
                                                    std::string forward_path) const;
  struct Asked {
    Probed probed = Probed::unavailable;
    bool reached = false;  ///< A host took a connection.
  };
  [[nodiscard]] base::Task<> ask_server(Question question, Asked& asked);
  [[nodiscard]] std::optional<Probed> remembered(const std::string& key);
  void remember(std::string key, Probed probed, base::Duration time);

  sys::Net& net_;
  engine::Timers& timers_;
  engine::Resolver& resolver_;
  sys::Random& random_;
  std::function<std::shared_ptr<const Settings>()> settings_;
  std::unordered_map<std::string, Answer> answers_;
  std::size_t asking_ = 0;
};

}  // namespace delivery
