#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.h"

// What worker and broker say to each other: one packet for each message, over socket pairs that
// keep packets whole. The worker asks, the broker answers, one after the other; descriptors travel
// with the answers. Pure.
//
//     message = type *field              The type is one octet, and says which fields follow.
//     number  = 4 octets, the highest first
//     text    = number *octet
//     list    = number *text
//
// A message that is too short, too long, or has a value that it cannot have is none.
namespace broker {

/// In octets, of any message.
inline constexpr std::size_t message_octets_max = 64 * 1'024;
/// Arguments, or variables of the environment, of one program.
inline constexpr std::size_t list_items_max = 256;

/// The configuration file: as it is in force, or read anew.
struct GetConfiguration {
  bool anew = false;
  friend bool operator==(const GetConfiguration&, const GetConfiguration&) = default;
};
/// What became of the one that was read anew: until then both count.
struct TakenOver {
  bool done = false;
  friend bool operator==(const TakenOver&, const TakenOver&) = default;
};
/// The server is ready.
struct Ready {
  friend bool operator==(const Ready&, const Ready&) = default;
};
/// A listening socket.
struct Listen {
  base::Endpoint endpoint;
  friend bool operator==(const Listen&, const Listen&) = default;
};
/// A file that the configuration names, for reading.
struct OpenFile {
  std::string path;
  friend bool operator==(const OpenFile&, const OpenFile&) = default;
};
/// The event log, to append to it.
struct OpenLog {
  std::string path;
  friend bool operator==(const OpenLog&, const OpenLog&) = default;
};
/// A program, or a delivery into a home, as another user: see sys::Program.
struct StartRun {
  std::string user;
  bool into_home = false;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::uint32_t seconds_max = 0;
  friend bool operator==(const StartRun&, const StartRun&) = default;
};

using Request =
    std::variant<GetConfiguration, TakenOver, Ready, Listen, OpenFile, OpenLog, StartRun>;

struct Reply {
  int error = 0;          ///< An errno; 0: done, with the descriptors that were asked for.
  std::string text = {};  ///< Of the configuration: its file, or why there is none.
  friend bool operator==(const Reply&, const Reply&) = default;
};

/// How a program that the broker has started ended, told on a socket of its own. Any packet there
/// from the worker, or the end of it, kills the program.
struct RunEnd {
  enum class How : std::uint8_t { exited, killed, timed_out, not_started };
  How how = How::exited;
  int number = 0;  ///< Exit status, signal, or errno.
  friend bool operator==(const RunEnd&, const RunEnd&) = default;
};

/// Longer than message_octets_max: nobody would take it.
[[nodiscard]] std::string encode(const Request& request);
[[nodiscard]] std::string encode(const Reply& reply);
[[nodiscard]] std::string encode(const RunEnd& end);

[[nodiscard]] std::optional<Request> decode_request(std::string_view octets);
[[nodiscard]] std::optional<Reply> decode_reply(std::string_view octets);
[[nodiscard]] std::optional<RunEnd> decode_run_end(std::string_view octets);

}  // namespace broker
