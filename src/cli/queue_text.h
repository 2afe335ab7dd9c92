#pragma once

#include <string>

namespace boost::json {
class object;
}

// The queue for people, from the objects that are for programs.
namespace cli {

/// The line above the messages.
[[nodiscard]] std::string queue_heading();
/// One line for the message and one for each recipient.
[[nodiscard]] std::string queue_text(const boost::json::object& message);
/// All that is known of one message, member by member.
[[nodiscard]] std::string describe_message(const boost::json::object& message);

/// In octets: "312 B", "4.2 KiB".
[[nodiscard]] std::string size_text(std::uint64_t octets);

}  // namespace cli
