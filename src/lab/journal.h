#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace lab {

/// Of one message, and of all of them, at most; what is more is counted.
inline constexpr std::size_t steps_max = 500;
inline constexpr std::size_t all_steps_max = 1'000'000;

/// One thing that happened to a message.
struct Step {
  base::Duration time{};  ///< Since the world began.
  std::string where;      ///< The machine.
  std::string what;  ///< As the events of the log: received, delivered, deferred, …; or submitted.
  std::string to;    ///< The recipient; empty: all.
  std::string host;  ///< The other machine, if there is one.
  std::string text;  ///< A reply or reason; whatever a peer said.
  bool report = false;  ///< It happened to a report about the message.
};

struct Journey {
  std::string token;
  std::string from;
  std::vector<std::string> to;
  std::vector<std::string> route;
  std::vector<Step> steps = {};  ///< In the order of time.
  std::uint64_t left_out = 0;    ///< Steps beyond steps_max.
};

/// Makes journeys out of what servers, clients and foreign hosts tell. Each server has names of its
/// own for a message: they are linked by what the server before was told, and by the Received
/// fields of what arrived.
class Journal {
 public:
  /// At an address of the second kind of argument is this machine.
  void name_machine(const std::string& address, const std::string& name);

  /// A client is about to submit a message. The first call counts.
  void begin(const std::string& token, std::string from, std::vector<std::string> to,
             std::vector<std::string> route);
  void add(const std::string& token, Step step);
  /// A line of the event log of a server.
  void take_event(const std::string& server, base::Duration time, std::string_view line);
  /// A server's name for a message, as it said it in a reply ("… accepted as ID").
  void link_reply(const std::string& token, const std::string& server, std::string_view reply);
  /// The Received fields of what has arrived; of a report, too.
  void link_content(std::string_view content);

  /// Puts everything in order; nothing may be added afterwards.
  void finish();
  /// In the order in which the messages were begun.
  [[nodiscard]] const std::vector<Journey>& journeys() const { return journeys_; }
  /// Events about messages that nobody could link.
  [[nodiscard]] std::uint64_t unlinked() const { return unlinked_; }

 private:
  using Name = std::pair<std::string, std::string>;  ///< Server, and its id.
  struct Known {
    std::size_t journey;
    bool report = false;
  };
  struct Waiting {
    std::vector<Step> steps;
    std::uint64_t left_out = 0;
    std::vector<Name> same = {};     ///< Names of the same message elsewhere.
    std::vector<Name> reports = {};  ///< Of its reports.
  };

  void link(const Name& name, const Known& known);
  void link_names(const Name& name, const Name& other, bool report);
  /// Into a journey, or what waits to become a part of one.
  template <class Steps>
  void put(Steps& to, Step step);

  std::vector<Journey> journeys_;
  std::map<std::string, std::size_t> by_token_;
  std::map<std::string, std::string> machines_;
  std::map<Name, Known> known_;
  std::map<Name, Waiting> waiting_;  ///< Of names that are not known yet.
  std::size_t steps_ = 0;
  std::uint64_t unlinked_ = 0;
};

}  // namespace lab
