#pragma once

#include <boost/json/object.hpp>
#include <string_view>

namespace admin {

/// The text of a member. Empty: it is missing, null, or no text.
[[nodiscard]] inline std::string_view text_of(const boost::json::object& object,
                                              std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->as_string()) : "";
}

}  // namespace admin
