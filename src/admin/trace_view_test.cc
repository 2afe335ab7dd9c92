#include "admin/trace_view.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

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

TEST(trace_view, nothing_known_is_an_empty_object) {
  EXPECT_TRUE(describe_trace({}, nullptr).empty());
}

TEST(trace_view, attempts_and_states_come_from_the_events) {
  const std::string events[] = {received, deferred, delivered, held, "no JSON"};
  const json::object trace = describe_trace(events, nullptr);
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
  const json::object trace = describe_trace(events, &queued);
  EXPECT_EQ(trace.at("size").to_number<int>(), 900);
  EXPECT_EQ(recipient(trace, 0).at("waits_for").as_string(),
            "the next attempt at 2026-11-25T08:01:01.000Z, by mx:b.test; the last one ended with: "
            "451 4.3.0 later");
  EXPECT_EQ(recipient(trace, 1).at("waits_for").as_string(),
            "an operator: it is held until `queue release`");
  // Without any event the queue alone still tells.
  EXPECT_EQ(describe_trace({}, &queued).at("recipients").as_array().size(), 2u);
}

TEST(trace_view, events_of_other_shapes_do_no_harm) {
  const std::string events[] = {"[]", R"({"event":"received","to":"x"})",
                                R"({"event":"received","to":[1,null]})",
                                R"({"event":"deferred","to":7})", R"({"event":5,"to":"a"})"};
  EXPECT_TRUE(describe_trace(events, nullptr).at("recipients").as_array().empty());
}

}  // namespace
}  // namespace admin
