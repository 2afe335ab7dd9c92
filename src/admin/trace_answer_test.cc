#include "admin/trace_answer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace admin {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::string_view attempt_at_1002 =
    R"({"time":"2026-11-25T10:02:00.000Z","host":"u.test","address":"127.0.0.5:25","tls":null,)"
    R"("reply":"connection refused","outcome":"deferred"})";

/// What is said of a recipient of a message that came in at 10:00 on a Wednesday; it is 10:27.
std::string answer(const std::string& members, std::string_view from = "a@a.test",
                   bool server_runs = true) {
  const json::object trace{
      {"id", "0k5x"}, {"from", from}, {"received", "2026-11-25T10:00:00.000Z"}};
  const json::object recipient = json::parse(R"({"to":"bob@z.test",)" + members + '}').as_object();
  return answer_of(trace, recipient,
                   {.times = TimeWords(*parse_rfc3339("2026-11-25T10:27:00.000Z"),
                                       [](base::WallTime) { return 0s; }),
                    .retry = {1min, 5min, 4h},
                    .expire = 120h,
                    .server_runs = server_runs});
}

std::string attempts(std::initializer_list<std::string_view> list) {
  std::string out;
  for (const std::string_view one : list) {
    out += out.empty() ? "" : ",";
    out += one;
  }
  return R"("attempts":[)" + out + "]";
}

std::string attempt(std::string_view time, std::string_view reply, std::string_view outcome,
                    std::string_view host = R"("u.test")",
                    std::string_view address = R"("127.0.0.5:25")") {
  json::object out{{"time", "2026-11-25T" + std::string(time) + ".000Z"},
                   {"reply", reply},
                   {"outcome", outcome}};
  out["host"] = json::parse(host);
  out["address"] = json::parse(address);
  return json::serialize(out);
}

constexpr std::string_view next =
    R"("state":"deferred","next_attempt":"2026-11-25T10:31:07.000Z",)";

TEST(trace_answer, why_it_is_not_delivered_and_when_the_next_try_is) {
  const std::string same = attempt("10:07:00", "connection refused", "deferred");
  EXPECT_EQ(answer(std::string(next) + attempts({attempt_at_1002, same, same})),
            "bob@z.test is not delivered: u.test [127.0.0.5]:25 refused the connection 3 times "
            "since 10:02:00; next try 10:31:07 (in 4 min), then every 4 h until it is returned on "
            "Monday 10:00.");
  EXPECT_EQ(answer(std::string(next) + attempts({attempt_at_1002})),
            "bob@z.test is not delivered: u.test [127.0.0.5]:25 refused the connection at "
            "10:02:00; next try 10:31:07 (in 4 min), then after 5 min and ever later, up to every "
            "4 h until it is returned on Monday 10:00.");
  EXPECT_EQ(answer(std::string(next) + attempts({attempt_at_1002}), "", false),
            "bob@z.test is not delivered: u.test [127.0.0.5]:25 refused the connection at "
            "10:02:00; no server runs here: the next try is after its start.");
}

TEST(trace_answer, each_kind_of_failure_has_its_words) {
  const struct {
    std::string_view reply, outcome, words;
  } rows[] = {
      {"451 4.3.0 come back", "deferred", "u.test [127.0.0.5]:25 said \"451 4.3.0 come back\""},
      {"timed out", "deferred", "u.test [127.0.0.5]:25 did not answer in time"},
      {"unreachable", "deferred", "u.test [127.0.0.5]:25 cannot be reached from here"},
      {"TLS handshake: no", "deferred", "u.test [127.0.0.5]:25: TLS handshake: no"},
      {"", "deferred", "u.test [127.0.0.5]:25: no reply came"},
      {"550 5.1.1 who?", "bounced", "u.test [127.0.0.5]:25 refused it: \"550 5.1.1 who?\""},
  };
  for (const auto& row : rows) {
    const std::string one = attempt("10:02:00", row.reply, row.outcome);
    EXPECT_EQ(failure_of(json::parse(one).as_object()), row.words);
  }
  const std::string dns = attempt("10:02:00", "451 4.4.3 looking for the MX records of z.test: no",
                                  "deferred", "null", "null");
  EXPECT_EQ(failure_of(json::parse(dns).as_object()), "looking for the MX records of z.test: no");
}

TEST(trace_answer, places) {
  const struct {
    std::string_view host, address, place;
  } rows[] = {
      {R"("u.test")", R"("127.0.0.5:25")", "u.test [127.0.0.5]:25"},
      {R"("u.test")", R"("[2001:db8::1]:25")", "u.test [2001:db8::1]:25"},
      {R"("[127.0.0.5]")", R"("127.0.0.5:25")", "[127.0.0.5]:25"},
      {R"("127.0.0.5")", R"("127.0.0.5:25")", "[127.0.0.5]:25"},
      {"null", R"("127.0.0.5:25")", "[127.0.0.5]:25"},
      {R"("u.test")", "null", "u.test"},
      {"null", "null", ""},
  };
  for (const auto& row : rows) {
    const std::string one = attempt("10:02:00", "", "deferred", row.host, row.address);
    EXPECT_EQ(place_of(json::parse(one).as_object()), row.place);
  }
}

TEST(trace_answer, what_else_it_may_wait_for) {
  EXPECT_EQ(
      answer(R"("state":"ready","via":"mx:z.test","next_attempt":"2026-11-25T10:26:00.000Z",)" +
             attempts({})),
      "bob@z.test is not delivered yet: no try has ended; it is being tried, or its turn "
      "comes next.");
  EXPECT_EQ(answer(R"("state":"deferred","waits":"next_hop","via":"mx:z.test",)"
                   R"("next_attempt":"2026-11-25T10:27:30.000Z",)" +
                       attempts({}),
                   ""),
            "bob@z.test is not delivered: its next hop mx:z.test could not be reached before it "
            "came in; next try 10:27:30 (in 30 s), then after 1 min and ever later, up to every 4 "
            "h until it is given up on Monday 10:00.");
  EXPECT_EQ(answer(R"("state":"held",)" + attempts({attempt_at_1002}) +
                   R"(,"actions":[{"time":"2026-11-25T10:20:00.000Z","action":"held"}])"),
            "bob@z.test is not delivered: an operator holds it since 10:20:00, until `posthaste "
            "queue release --id 0k5x`.");
  EXPECT_EQ(answer(R"("state":"deferred","waits":"rate","waits_subject":"100 in 1 h",)"
                   R"("next_attempt":"2026-11-25T10:31:07.000Z",)" +
                   attempts({})),
            "bob@z.test is not delivered yet: no try has ended; it waits for the limit of 100 in 1 "
            "h; next try 10:31:07 (in 4 min), then after 1 min and ever later, up to every 4 h "
            "until it is returned on Monday 10:00.");
  EXPECT_EQ(answer(R"("state":"ready","waits":"etrn","waits_for":"the host of z.test to ask",)" +
                   attempts({})),
            "bob@z.test is not delivered yet: no try has ended; it waits for the host of z.test to "
            "ask.");
  EXPECT_EQ(
      answer(R"("state":"quarantined","waits_for":"an operator: damaged content",)" + attempts({})),
      "bob@z.test is not delivered, and no try will be made: it waits for an operator: "
      "damaged content.");
}

TEST(trace_answer, an_outcome_that_is_not_known_is_said) {
  EXPECT_EQ(answer(std::string(next) +
                   attempts({attempt("10:02:00", "no reply after the content", "unknown")})),
            "bob@z.test is not delivered for certain: u.test [127.0.0.5]:25 had the whole message "
            "at 10:02:00, and the connection ended before it answered, so that it may arrive "
            "twice; next try 10:31:07 (in 4 min), then after 5 min and ever later, up to every 4 h "
            "until it is returned on Monday 10:00.");
}

TEST(trace_answer, how_it_ended) {
  EXPECT_EQ(
      answer(R"("state":"delivered",)" + attempts({attempt("10:00:01", "250 ok", "delivered")})),
      "bob@z.test is delivered: u.test [127.0.0.5]:25 has taken it at 10:00:01, 1.000 s "
      "after it came in.");
  EXPECT_EQ(
      answer(R"("state":"delivered","via":"maildir:",)" +
             attempts({attempt_at_1002, attempt("10:04:00", "", "delivered", "null", "null")})),
      "bob@z.test is delivered: it was put into its mailbox at 10:04:00, 4 min after it came "
      "in, at the second try.");
  EXPECT_EQ(answer(R"("state":"bounced","dsn":["0k6y"],)" +
                   attempts({attempt("10:02:00", "550 5.1.1 who?", "bounced")})),
            "bob@z.test is not delivered, and will not be: u.test [127.0.0.5]:25 refused it: \"550 "
            "5.1.1 who?\" at 10:02:00; the sender is told by message 0k6y.");
  EXPECT_EQ(answer(R"("state":"bounced","dsn":[],)" +
                       attempts({attempt("10:02:00", "550 5.1.2 there is no domain z.test",
                                         "bounced", "null", "null")}),
                   ""),
            "bob@z.test is not delivered, and will not be: there is no domain z.test at 10:02:00; "
            "nobody is told, as it has no sender.");
  EXPECT_EQ(answer(R"("state":"bounced","dsn":["0k6y"],"actions":[{"action":"bounced",)"
                   R"("time":"2026-11-25T10:20:00.000Z"}],)" +
                   attempts({attempt_at_1002})),
            "bob@z.test is not delivered, and is given up: an operator ended it at 10:20:00; the "
            "sender is told by message 0k6y.");
  EXPECT_EQ(answer(R"("state":"dropped","actions":[{"action":"dropped",)"
                   R"("time":"2026-11-25T10:20:00.000Z"}],)" +
                   attempts({})),
            "bob@z.test is not delivered, and will not be: an operator dropped it at 10:20:00, and "
            "nobody is told.");
  EXPECT_EQ(answer(R"("state":"expired","dsn":["0k6y"],"attempts_left_out":40,)" +
                   attempts({attempt_at_1002})),
            "bob@z.test is not delivered, and is given up: its time ran out on Monday 10:00 after "
            "41 tries, the last at 10:02:00: u.test [127.0.0.5]:25 refused the connection; the "
            "sender is told by message 0k6y.");
}

TEST(trace_answer, whatever_is_missing_does_no_harm) {
  EXPECT_EQ(answer(R"("state":"deferred")"), "bob@z.test is not delivered yet: no try has ended.");
  EXPECT_EQ(answer(R"("state":"delivered")"), "bob@z.test is delivered.");
  EXPECT_EQ(answer(R"("state":7)"), "bob@z.test is not delivered yet: no try has ended.");
}

}  // namespace
}  // namespace admin
