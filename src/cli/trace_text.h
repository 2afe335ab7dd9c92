#pragma once

#include <string>

namespace boost::json {
class object;
}

namespace admin {
class TimeWords;
}

namespace cli {

/// The life of one message for people, from admin::describe_trace() and admin::add_answers().
[[nodiscard]] std::string trace_text(const boost::json::object& trace,
                                     const admin::TimeWords& times);

}  // namespace cli
