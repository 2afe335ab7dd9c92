#pragma once

#include <boost/json.hpp>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace admin {

/// A member, or null.
[[nodiscard]] boost::json::value member_of(const boost::json::object& object, std::string_view key);

/// What was recorded of next hops.
class HopStories {
 public:
  /// An event `unreached` or `found`; everything else is left out.
  void take(const boost::json::value& event);

  [[nodiscard]] const std::vector<boost::json::object>& unreached(std::string_view via) const;
  /// The last one not later than `time`; nullptr: none.
  [[nodiscard]] const boost::json::object* found(std::string_view via, std::string_view time) const;

 private:
  struct Story {
    std::vector<boost::json::object> unreached, found;  ///< In order.
  };
  std::map<std::string, Story, std::less<>> stories_;
};

/// The life of one recipient, told by its events in order. Times are compared as the texts that
/// they are: RFC 3339 sorts.
class RecipientStory {
 public:
  explicit RecipientStory(std::string_view to) : to_(to) {}

  void received(std::string_view time) { waits_since_ = time; }
  void take(const boost::json::object& event);
  /// What the queue says, which knows best what comes next.
  void take_queued(const boost::json::object& status, std::string_view received);
  void quarantined(std::string_view why);

  /// The next hops that it was waiting for.
  [[nodiscard]] std::vector<std::string> hops() const;
  /// At most `probes` attempts in which the next hop could not be reached: the newest.
  [[nodiscard]] boost::json::object tell(const HopStories& hops, std::size_t probes) const;

 private:
  /// A time during which failures of a next hop were failures of this recipient.
  struct Wait {
    std::string via, from, to;
  };

  void set_via(std::string_view via, std::string_view time);
  void end_wait(std::string_view time);
  void take_attempt(const boost::json::object& event, std::string_view outcome);
  void take_action(const boost::json::object& event, std::string_view action);
  [[nodiscard]] boost::json::array attempts(const HopStories& hops, std::size_t probes,
                                            std::size_t& left_out) const;
  [[nodiscard]] boost::json::value found(const HopStories& hops) const;
  [[nodiscard]] std::vector<Wait> waits() const;

  std::string to_;
  std::string state_ = "ready";
  std::string via_;
  std::string waits_since_;  ///< Empty: it does not.
  std::string last_;         ///< When it was last heard of.
  std::string waits_for_;
  std::string waits_, waits_subject_;  ///< As `queue show` has them.
  boost::json::value next_attempt_;
  std::vector<Wait> ended_waits_;
  std::vector<boost::json::object> attempts_;
  boost::json::array decisions_, actions_, reports_;
};

}  // namespace admin
