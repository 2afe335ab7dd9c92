#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "admin/time_words.h"

namespace boost::json {
class object;
}

namespace admin {

/// What an answer rests on beside the trace.
struct AnswerContext {
  TimeWords times;
  std::vector<base::Duration> retry;  ///< As queue::Options has it; empty: not known.
  base::Duration expire{};
  bool server_runs = true;
};

/// One sentence: why a recipient of a message is not delivered and when the next try is, or what
/// became of it. `trace` and `recipient` as describe_trace() makes them.
[[nodiscard]] std::string answer_of(const boost::json::object& trace,
                                    const boost::json::object& recipient,
                                    const AnswerContext& context);

/// Adds `answer` to each recipient.
void add_answers(boost::json::object& trace, const AnswerContext& context);

/// "u.test [127.0.0.5]:25" of an attempt; empty: it went nowhere.
[[nodiscard]] std::string place_of(const boost::json::object& attempt);
/// Of an attempt that failed: "u.test [127.0.0.5]:25 refused the connection".
[[nodiscard]] std::string failure_of(const boost::json::object& attempt);
/// Whether two attempts failed alike: at the same place, for the same reason.
[[nodiscard]] bool is_alike(const boost::json::object& a, const boost::json::object& b);

}  // namespace admin
