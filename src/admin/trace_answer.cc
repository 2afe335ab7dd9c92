#include "admin/trace_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "admin/json_text.h"
#include "base/ascii.h"

namespace admin {

namespace json = boost::json;

namespace {

/// How our own words for a lost attempt go on behind the host's name.
constexpr std::pair<std::string_view, std::string_view> failures[] = {
    {"connection refused", "refused the connection"},
    {"timed out", "did not answer in time"},
    {"unreachable", "cannot be reached from here"},
    {"connection lost", "lost the connection"},
    {"connection closed by the peer", "closed the connection"},
};

/// Three digits and a space.
bool is_reply(std::string_view text) {
  return text.size() > 3 && text[3] == ' ' &&
         std::ranges::all_of(text.substr(0, 3), base::is_digit);
}

/// Without "451 4.4.3 ": our own words behind a status.
std::string_view without_codes(std::string_view text) {
  if (!is_reply(text)) return text;
  text.remove_prefix(4);
  const std::size_t end = text.find(' ');
  const bool has_status = end != text.npos && text.substr(0, end).find_first_not_of(
                                                  "0123456789.") == std::string_view::npos;
  return has_status ? text.substr(end + 1) : text;
}

/// "put into its mailbox", for the scheme of a next hop that is no host.
std::string_view local_words(std::string_view via) {
  if (via.starts_with("pipe:")) return "the program has taken it";
  if (via.starts_with("discard:")) return "it was thrown away, as the configuration says,";
  if (via.starts_with("lmtp:")) return "the LMTP server has taken it";
  return "it was put into its mailbox";
}

class Answer {
 public:
  Answer(const json::object& trace, const json::object& recipient, const AnswerContext& context)
      : trace_(trace), recipient_(recipient), context_(context) {
    const json::value* attempts = recipient.if_contains("attempts");
    if (attempts != nullptr && attempts->is_array()) attempts_ = &attempts->as_array();
  }

  std::string say() const;

 private:
  std::string delivered() const;
  std::string bounced() const;
  std::string expired() const;
  std::string dropped() const;
  std::string held() const;
  std::string waiting() const;
  std::string cause() const;
  std::string what_comes() const;
  std::string afterwards(base::WallTime next) const;
  std::string who_was_told() const;

  const json::object* last_attempt() const {
    return attempts_ == nullptr || attempts_->empty() ? nullptr : &attempts_->back().as_object();
  }
  std::size_t tries() const {
    const json::value* more = recipient_.if_contains("attempts_left_out");
    return (attempts_ == nullptr ? 0 : attempts_->size()) +
           (more == nullptr ? 0 : more->to_number<std::size_t>());
  }
  /// The last one of these.
  const json::object* last_action(std::string_view name) const;
  static std::optional<base::WallTime> time_of(const json::object& object, std::string_view key) {
    return parse_rfc3339(text_of(object, key));
  }
  /// " at 10:02:03", or nothing.
  std::string at(const json::object* object) const {
    const auto time = object == nullptr ? std::nullopt : time_of(*object, "time");
    return time ? " " + context_.times.at(*time) : "";
  }
  std::optional<base::WallTime> end_of_patience() const {
    const auto received = time_of(trace_, "received");
    if (!received || context_.expire <= base::Duration::zero()) return std::nullopt;
    return *received + std::chrono::floor<std::chrono::milliseconds>(context_.expire);
  }

  const json::object& trace_;
  const json::object& recipient_;
  const AnswerContext& context_;
  const json::array* attempts_ = nullptr;
};

const json::object* Answer::last_action(std::string_view name) const {
  const json::value* actions = recipient_.if_contains("actions");
  if (actions == nullptr || !actions->is_array()) return nullptr;
  const json::object* out = nullptr;
  for (const json::value& action : actions->as_array()) {
    if (text_of(action.as_object(), "action") == name) out = &action.as_object();
  }
  return out;
}

std::string Answer::delivered() const {
  const json::object* attempt = last_attempt();
  std::string out = " is delivered";
  if (attempt == nullptr) return out;
  const std::string place = place_of(*attempt);
  const std::string by = place.empty() ? std::string(local_words(text_of(recipient_, "via")))
                                       : place + " has taken it";
  out += fmt::format(": {}{}", by, at(attempt));
  const auto received = time_of(trace_, "received");
  const auto time = time_of(*attempt, "time");
  if (received && time && *time >= *received) {
    const double seconds = std::chrono::duration<double>(*time - *received).count();
    out += seconds < 10 ? fmt::format(", {:.3f} s after it came in", seconds)
                        : fmt::format(", {} after it came in", duration_words(*time - *received));
  }
  if (tries() > 1)
    out += fmt::format(", at the {} try", tries() == 2 ? "second" : fmt::format("{}th", tries()));
  return out;
}

std::string Answer::who_was_told() const {
  const json::value* reports = recipient_.if_contains("dsn");
  if (reports != nullptr && reports->is_array() && !reports->as_array().empty()) {
    return fmt::format("; the sender is told by message {}",
                       std::string_view(reports->as_array().back().as_string()));
  }
  return text_of(trace_, "from").empty() ? "; nobody is told, as it has no sender"
                                         : "; nobody is told, as its sender asked for";
}

std::string Answer::bounced() const {
  if (const json::object* action = last_action("bounced")) {
    return fmt::format(" is not delivered, and is given up: an operator ended it{}{}", at(action),
                       who_was_told());
  }
  const json::object* attempt = last_attempt();
  const std::string why = attempt == nullptr ? "" : ": " + failure_of(*attempt) + at(attempt);
  return fmt::format(" is not delivered, and will not be{}{}", why, who_was_told());
}

std::string Answer::expired() const {
  const auto end = end_of_patience();
  const std::size_t count = tries();
  std::string out = " is not delivered, and is given up: its time ran out";
  if (end) out += " " + context_.times.at(*end);
  out += fmt::format(" after {} {}", count, count == 1 ? "try" : "tries");
  if (const json::object* attempt = last_attempt()) {
    out += fmt::format(", the last{}: {}", at(attempt), failure_of(*attempt));
  }
  return out + who_was_told();
}

std::string Answer::dropped() const {
  return fmt::format(
      " is not delivered, and will not be: an operator dropped it{}, and nobody is told",
      at(last_action("dropped")));
}

std::string Answer::held() const {
  const json::object* action = last_action("held");
  const auto since = action == nullptr ? std::nullopt : time_of(*action, "time");
  return fmt::format(
      " is not delivered: an operator holds it{}, until `posthaste queue release --id {}`",
      since ? " since " + context_.times.plain(*since) : "", text_of(trace_, "id"));
}

/// Why the last tries have failed, and how often that has happened in a row.
std::string Answer::cause() const {
  const json::object* last = last_attempt();
  if (last == nullptr) {
    const bool is_dead = text_of(recipient_, "waits") == "next_hop";
    return is_dead ? fmt::format(": its next hop {} could not be reached before it came in",
                                 text_of(recipient_, "via"))
                   : " yet: no try has ended";
  }
  if (text_of(*last, "outcome") == "unknown") {
    return fmt::format(
        " for certain: {} had the whole message{}, and the connection ended before it answered, so "
        "that it may arrive twice",
        place_of(*last), at(last));
  }
  std::size_t count = 0;
  const json::object* first = last;
  for (auto one = attempts_->rbegin(); one != attempts_->rend(); ++one, ++count) {
    if (!is_alike(one->as_object(), *last)) break;
    first = &one->as_object();
  }
  if (count == attempts_->size()) count = tries();
  const auto since = time_of(*first, "time");
  if (count == 1 || !since) return ": " + failure_of(*last) + at(last);
  return fmt::format(": {} {} times since {}", failure_of(*last), count,
                     context_.times.plain(*since));
}

/// "then every 4 h until it is returned on Monday 10:02"
std::string Answer::afterwards(base::WallTime next) const {
  const auto end = end_of_patience();
  std::string out;
  const bool is_last = end && next >= *end;
  if (!context_.retry.empty() && !is_last) {
    const std::size_t step = std::min(tries(), context_.retry.size() - 1);
    out = step + 1 == context_.retry.size()
              ? ", then every " + duration_words(context_.retry.back())
              : fmt::format(", then after {} and ever later, up to every {}",
                            duration_words(context_.retry[step]),
                            duration_words(context_.retry.back()));
  }
  if (!end) return out;
  const bool has_sender = !text_of(trace_, "from").empty();
  return fmt::format("{} until it is {} {}", is_last ? ", then no more," : out,
                     has_sender ? "returned" : "given up", context_.times.at(*end));
}

std::string Answer::what_comes() const {
  const std::string_view waits = text_of(recipient_, "waits");
  const auto next = time_of(recipient_, "next_attempt");
  if (waits == "etrn") {
    return fmt::format("; it waits for {}", text_of(recipient_, "waits_for"));
  }
  if (!next) return "";
  const std::string limit = waits == "rate" ? fmt::format("; it waits for the limit of {}",
                                                          text_of(recipient_, "waits_subject"))
                                            : "";
  if (!context_.server_runs)
    return limit + "; no server runs here: the next try is after its start";
  if (*next <= context_.times.now()) return limit + "; it is being tried, or its turn comes next";
  return fmt::format("{}; next try {} ({}){}", limit, context_.times.plain(*next),
                     context_.times.distance(*next), afterwards(*next));
}

std::string Answer::waiting() const { return " is not delivered" + cause() + what_comes(); }

std::string Answer::say() const {
  const std::string_view state = text_of(recipient_, "state");
  std::string out(text_of(recipient_, "to"));
  if (state == "delivered") {
    out += delivered();
  } else if (state == "bounced") {
    out += bounced();
  } else if (state == "expired") {
    out += expired();
  } else if (state == "dropped") {
    out += dropped();
  } else if (state == "held") {
    out += held();
  } else if (state == "quarantined") {
    out += fmt::format(" is not delivered, and no try will be made: it waits for {}",
                       text_of(recipient_, "waits_for"));
  } else {
    out += waiting();
  }
  return out + '.';
}

}  // namespace

std::string place_of(const json::object& attempt) {
  const std::string_view host = text_of(attempt, "host");
  const std::string_view address = text_of(attempt, "address");
  if (address.empty()) return std::string(host);
  const std::size_t port = address.rfind(':');
  const bool bare = !address.starts_with('[') && port != address.npos;
  const std::string shown =
      bare ? fmt::format("[{}]{}", address.substr(0, port), address.substr(port))
           : std::string(address);
  const bool same = host.empty() || shown.starts_with(host) || address.starts_with(host);
  return same ? shown : fmt::format("{} {}", host, shown);
}

std::string failure_of(const json::object& attempt) {
  const std::string place = place_of(attempt);
  const std::string_view reply = text_of(attempt, "reply");
  if (place.empty()) return std::string(reply.empty() ? "no reply came" : without_codes(reply));
  if (is_reply(reply)) {
    return fmt::format("{} {} \"{}\"", place, reply.starts_with('5') ? "refused it:" : "said",
                       reply);
  }
  for (const auto& [ours, words] : failures) {
    if (reply == ours) return fmt::format("{} {}", place, words);
  }
  return fmt::format("{}: {}", place, reply.empty() ? "no reply came" : reply);
}

bool is_alike(const json::object& a, const json::object& b) {
  return std::ranges::all_of(
      std::initializer_list<std::string_view>{"host", "address", "reply", "outcome"},
      [&](std::string_view key) { return text_of(a, key) == text_of(b, key); });
}

std::string answer_of(const json::object& trace, const json::object& recipient,
                      const AnswerContext& context) {
  return Answer(trace, recipient, context).say();
}

void add_answers(json::object& trace, const AnswerContext& context) {
  json::value* recipients = trace.if_contains("recipients");
  if (recipients == nullptr) return;
  for (json::value& recipient : recipients->as_array()) {
    json::object& object = recipient.as_object();
    object["answer"] = answer_of(trace, object, context);
  }
}

}  // namespace admin
