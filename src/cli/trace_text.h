#pragma once

#include <string>

namespace boost::json {
class object;
}

namespace cli {

/// The life of one message for people, from admin::describe_trace().
[[nodiscard]] std::string trace_text(const boost::json::object& trace);

}  // namespace cli
