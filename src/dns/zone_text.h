#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "dns/message.h"

namespace dns {

/// A record from text, its data as in a master file [RFC1035 5.1]; see Zone::add_text. Without TTL.
[[nodiscard]] std::expected<Record, std::string> parse_record(std::string_view owner,
                                                              std::string_view type,
                                                              std::string_view data);

}  // namespace dns
