#include "admin/trace_view.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

namespace admin {
namespace {

namespace json = boost::json;

const std::string received =
    R"({"time":"2026-11-25T08:00:00.000Z","event":"received","id":"0k5x","client":"192.0.2.1:5",)"
    R"("from":"a@a.test","to":["b@b.test","c@c.test"],"size":700,"tls":null,"auth":null})";
const std::string deferred =
    R"({"time":"2026-11-25T08:00:01.000Z","event":"deferred","id":"0k5x","to":"b@b.test",)"
    R"("via":"mx:b.test","host":"mx.b.test","address":"192.0.2.9:25","tls":"TLSv1.3",)"
    R"("reply":"451 4.3.0 later","delay":1.000,"next_attempt":"2026-11-25T08:01:01.000Z"})";
const std::string delivered =
    R"({"time":"2026-11-25T08:01:02.000Z","event":"delivered","id":"0k5x","to":"b@b.test",)"
    R"("via":"mx:b.test","host":"mx.b.test","address":"192.0.2.9:25","tls":null,)"
    R"("reply":"250 ok","delay":62.000})";
const std::string held =
    R"({"time":"2026-11-25T08:02:00.000Z","event":"held","id":"0k5x","to":"c@c.test"})";

json::object recipient(const json::object& trace, std::size_t index) {
  return trace.at("recipients").as_array().at(index).as_object();
}

TEST(trace_view, nothing_known_is_an_empty_object) { EXPECT_TRUE(describe_trace({}).empty()); }

TEST(trace_view, attempts_and_states_come_from_the_events) {
  const std::string events[] = {received, deferred, delivered, held, "no JSON"};
  const json::object trace = describe_trace({.events = events});
  EXPECT_EQ(trace.at("id").as_string(), "0k5x");
  EXPECT_EQ(trace.at("from").as_string(), "a@a.test");
  EXPECT_EQ(trace.at("size").to_number<int>(), 700);
  EXPECT_EQ(trace.at("received").as_string(), "2026-11-25T08:00:00.000Z");
  EXPECT_EQ(trace.at("events").as_array().size(), 4u);
  const json::object first = recipient(trace, 0);
  EXPECT_EQ(first.at("state").as_string(), "delivered");
  EXPECT_TRUE(first.at("next_attempt").is_null());
  EXPECT_TRUE(first.at("waits_for").is_null());
  const json::array& attempts = first.at("attempts").as_array();
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0].at("outcome").as_string(), "deferred");
  EXPECT_EQ(attempts[0].at("reply").as_string(), "451 4.3.0 later");
  EXPECT_EQ(attempts[0].at("tls").as_string(), "TLSv1.3");
  EXPECT_EQ(attempts[1].at("outcome").as_string(), "delivered");
  EXPECT_TRUE(attempts[1].at("tls").is_null());
  EXPECT_EQ(recipient(trace, 1).at("state").as_string(), "held");
  EXPECT_TRUE(recipient(trace, 1).at("attempts").as_array().empty());
}

TEST(trace_view, the_queue_says_what_comes_next) {
  const json::object queued =
      json::parse(
          R"({"id":"0k5x","from":"a@a.test","size":900,"received":"2026-11-25T08:00:00.000Z",
        "state":"deferred","recipients":[
          {"to":"b@b.test","state":"deferred","attempts":1,"next_attempt":"2026-11-25T08:01:01.000Z",
           "last_reply":"451 4.3.0 later","via":"mx:b.test"},
          {"to":"c@c.test","state":"held","attempts":0,"next_attempt":null,"last_reply":null,
           "via":"mx:c.test"}]})")
          .as_object();
  const std::string events[] = {received, deferred};
  const json::object trace = describe_trace({.events = events, .queued = &queued});
  EXPECT_EQ(trace.at("size").to_number<int>(), 700);
  EXPECT_EQ(recipient(trace, 0).at("waits_for").as_string(),
            "the next attempt at 2026-11-25T08:01:01.000Z, by mx:b.test; the last one ended with: "
            "451 4.3.0 later");
  EXPECT_EQ(recipient(trace, 1).at("waits_for").as_string(),
            "an operator: it is held until `queue release`");
  // Without any event the queue alone still tells.
  EXPECT_EQ(describe_trace({.queued = &queued}).at("recipients").as_array().size(), 2u);
}

TEST(trace_view, events_of_other_shapes_do_no_harm) {
  const std::string events[] = {"[]", R"({"event":"received","to":"x"})",
                                R"({"event":"received","to":[1,null]})",
                                R"({"event":"deferred","to":7})", R"({"event":5,"to":"a"})"};
  EXPECT_TRUE(describe_trace({.events = events}).at("recipients").as_array().empty());
}

std::string event(std::string_view time, std::string_view name, std::string_view rest) {
  return R"({"time":"2026-11-25T)" + std::string(time) + R"(.000Z","event":")" + std::string(name) +
         R"(","id":"0k5x",)" + std::string(rest) + '}';
}

std::string unreached(std::string_view time, std::string_view via) {
  return event(time, "unreached",
               R"("via":")" + std::string(via) +
                   R"(","host":"b.test","address":"192.0.2.9:25","reply":"connection refused")");
}

std::vector<std::string> attempt_times(const json::object& trace, std::size_t index) {
  std::vector<std::string> out;
  for (const json::value& attempt : recipient(trace, index).at("attempts").as_array()) {
    out.emplace_back(std::string_view(attempt.at("time").as_string()).substr(11, 8));
  }
  return out;
}

TEST(trace_view, failures_of_a_next_hop_count_for_who_waited_for_it_then) {
  const std::string events[] = {
      received,  // At 08:00, for b and c.
      event("08:00:00", "routed", R"("to":"b@b.test","via":"mx:b.test","steps":[])"),
      event("08:00:00", "routed", R"("to":"c@c.test","via":"mx:c.test","steps":[])"),
      event("08:10:00", "deferred",
            R"("to":"b@b.test","via":"mx:b.test","host":"b.test","address":"192.0.2.9:25",)"
            R"("reply":"connection refused","unreached":"2026-11-25T08:09:59.000Z")"),
      event("08:30:00", "held", R"("to":"b@b.test","by":"operator")"),
      event("08:50:00", "released", R"("to":"b@b.test","by":"operator")"),
      event("09:00:00", "routed", R"("to":"b@b.test","via":"smtp://c:25","steps":[])"),
      event("09:30:00", "delivered", R"("to":"b@b.test","via":"smtp://c:25","reply":"250 ok")"),
  };
  const std::string hops[] = {
      unreached("07:59:59", "mx:b.test"),  // Before it came in.
      unreached("08:09:59", "mx:b.test"),  // One with the event.
      unreached("08:20:00", "mx:b.test"),
      unreached("08:40:00", "mx:b.test"),  // It was held.
      unreached("08:55:00", "mx:b.test"),
      unreached("09:10:00", "mx:b.test"),  // It went elsewhere.
      unreached("09:20:00", "smtp://c:25"),
      unreached("09:40:00", "smtp://c:25"),  // It was delivered.
      unreached("09:00:00", "mx:other"),
      "no JSON",
  };
  const json::object trace = describe_trace({.events = events, .hop_records = hops});
  EXPECT_EQ(attempt_times(trace, 0),
            (std::vector<std::string>{"08:09:59", "08:20:00", "08:55:00", "09:20:00", "09:30:00"}));
  EXPECT_TRUE(attempt_times(trace, 1).empty());
  EXPECT_EQ(recipient(trace, 0).at("attempts").at(0).at("outcome").as_string(), "deferred");
  EXPECT_EQ(recipient(trace, 0).at("decisions").as_array().size(), 2u);
  EXPECT_EQ(recipient(trace, 0).at("actions").as_array().size(), 2u);
  EXPECT_EQ(hops_of({.events = events}),
            (std::vector<std::string>{"mx:b.test", "mx:c.test", "smtp://c:25"}));
}

TEST(trace_view, without_the_record_of_the_next_hop_its_event_is_the_attempt) {
  const std::string events[] = {
      received, event("08:10:00", "deferred",
                      R"("to":"b@b.test","via":"mx:b.test","reply":"connection refused",)"
                      R"("unreached":"2026-11-25T08:09:59.000Z")")};
  const json::object trace = describe_trace({.events = events});
  EXPECT_EQ(attempt_times(trace, 0), (std::vector<std::string>{"08:10:00"}));
  EXPECT_FALSE(recipient(trace, 0).at("attempts").at(0).as_object().contains("unreached"));
}

TEST(trace_view, failures_of_a_next_hop_are_bounded) {
  for (const std::size_t count : {probes_max, probes_max + 1}) {
    std::vector<std::string> hops;
    for (std::size_t i = 0; i < count; ++i) hops.push_back(unreached("08:20:00", "mx:b.test"));
    const std::string events[] = {
        received, event("08:00:00", "routed", R"("to":"b@b.test","via":"mx:b.test")")};
    const json::object trace = describe_trace({.events = events, .hop_records = hops});
    EXPECT_EQ(attempt_times(trace, 0).size(), probes_max);
    EXPECT_EQ(recipient(trace, 0).contains("attempts_left_out"), count > probes_max);
  }
}

TEST(trace_view, what_an_operator_ends_was_not_tried_and_reports_are_linked) {
  const std::string events[] = {
      received, deferred,
      event("08:05:00", "bounced",
            R"("to":"b@b.test","via":"mx:b.test","dsn":"0k6y","by":"operator")"),
      event("08:06:00", "rerouted", R"("to":"c@c.test","via":"smtp://d:25","by":"operator")")};
  const json::object trace = describe_trace({.events = events});
  const json::object first = recipient(trace, 0);
  EXPECT_EQ(first.at("state").as_string(), "bounced");
  EXPECT_EQ(first.at("attempts").as_array().size(), 1u);
  EXPECT_EQ(first.at("actions").at(0).at("action").as_string(), "bounced");
  EXPECT_EQ(first.at("dsn").at(0).as_string(), "0k6y");
  EXPECT_EQ(recipient(trace, 1).at("actions").at(0).at("via").as_string(), "smtp://d:25");
  EXPECT_TRUE(trace.at("about").is_null());
  const std::string report[] = {
      event("08:05:00", "received", R"("client":null,"from":"","to":["a@a.test"],"about":"0k5x")")};
  EXPECT_EQ(describe_trace({.events = report}).at("about").as_string(), "0k5x");
}

TEST(trace_view, a_damaged_message_is_quarantined_for_whom_it_still_owes) {
  const std::string events[] = {
      received, delivered,
      R"({"time":"2026-11-25T09:00:00.000Z","event":"quarantined","id":"0k5x","file":"log.1",)"
      R"("offset":4096,"reason":"content"})"};
  const json::object trace = describe_trace({.events = events});
  EXPECT_EQ(recipient(trace, 0).at("state").as_string(), "delivered");
  EXPECT_EQ(recipient(trace, 1).at("state").as_string(), "quarantined");
  EXPECT_EQ(recipient(trace, 1).at("waits_for").as_string(),
            "an operator: what was stored of it is damaged (content, in log.1 at octet 4096)");
}

TEST(trace_view, the_hosts_are_those_that_were_known_when_it_was_last_heard_of) {
  const auto found = [](std::string_view time, std::string_view why) {
    return event(time, "found",
                 R"("via":"mx:b.test","hosts":[],"steps":[{"what":"MX","why":")" +
                     std::string(why) + "\"}]");
  };
  const std::string hops[] = {found("07:30:00", "old"), found("08:01:00", "right"),
                              found("09:00:00", "new")};
  const std::string events[] = {received, deferred, delivered};
  const auto why = [&](const json::object& trace) {
    return std::string(recipient(trace, 0).at("found").at("steps").at(0).at("why").as_string());
  };
  EXPECT_EQ(why(describe_trace({.events = events, .hop_records = hops})), "right");
  const std::string waiting[] = {received, deferred};
  EXPECT_EQ(why(describe_trace({.events = waiting, .hop_records = hops})), "new");
  EXPECT_TRUE(recipient(describe_trace({.events = events}), 0).at("found").is_null());
}

}  // namespace
}  // namespace admin
