#include "cli/demo_text.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>

namespace cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr base::WallTime begin{std::chrono::milliseconds(1'764'064'800'000)};  // 10:00:00.

/// An event of a server, some milliseconds after the client's begin.
json::object event(std::string_view name, int milliseconds, std::string_view more = "") {
  return json::parse(R"({"event":")" + std::string(name) + R"(","time":")" +
                     base::rfc3339(begin + std::chrono::milliseconds(milliseconds)) + '"' +
                     std::string(more) + '}')
      .as_object();
}

constexpr std::string_view to_z =
    R"(,"host":"mx.z.test","address":"127.8.9.5:25000","tls":"TLSv1.3","reply":"250 ok")";
constexpr std::string_view into_mailbox = R"(,"host":null,"address":null,"tls":null)";

DemoJourney direct_journey() {
  DemoJourney out{.title = "Directly", .forward_path = "<bob@z.test>", .begin = begin};
  out.take("a.test", event("session_opened", 1));
  out.take("a.test", event("received", 10));
  out.take("z.test", event("received", 20));
  out.take("z.test", event("delivered", 25, into_mailbox));
  out.take("a.test", event("delivered", 21, to_z));
  return out;
}

TEST(demo_journey, is_told_by_the_events_of_the_servers) {
  const DemoJourney journey = direct_journey();
  ASSERT_EQ(journey.visits.size(), 2u);
  EXPECT_EQ(journey.visits[0].server, "a.test");
  EXPECT_EQ(journey.visits[0].host, "mx.z.test");
  EXPECT_EQ(journey.visits[0].tls, "TLSv1.3");
  EXPECT_EQ(journey.visits[1].host, "");
  EXPECT_EQ(journey.delay(), 25ms);
  EXPECT_TRUE(journey.is_over(2));
  EXPECT_FALSE(journey.is_over(1));
  EXPECT_FALSE(journey.is_over(3));
  DemoJourney half{.begin = begin};
  EXPECT_EQ(half.delay(), 0ms);
  half.take("a.test", event("delivered", 21, to_z));  // Of another message.
  half.take("a.test", event("received", 22));
  EXPECT_FALSE(half.is_over(1));
}

TEST(demo_journey, the_message_tells_the_chain) {
  DemoJourney journey;
  journey.take_message(
      "Return-Path: <alice@a.test>\nDelivered-To: bob@z.test\n"
      "Received: from mx.a.test (mx.a.test [127.8.9.1])\n\tby mx.z.test with ESMTPS id x; Wed\n"
      "Received: from client.a.test\n\tby mx.a.test;\n Wed\nSubject: x\n\n"
      "Received: from nobody by nobody\n");
  EXPECT_EQ(journey.return_path, "<alice@a.test>");
  EXPECT_EQ(journey.received, (std::vector<DemoTraceField>{{"mx.a.test", "mx.z.test"},
                                                           {"client.a.test", "mx.a.test"}}));
}

TEST(demo_text, fits_a_hundred_columns_whatever_is_told) {
  DemoTale tale{.routed = direct_journey(), .direct = direct_journey(), .elapsed = 500ms};
  tale.routed.forward_path = std::string(200, 'x');
  tale.routed.visits[0].host = std::string(200, 'y');
  tale.direct.received.assign(9, {std::string(200, 'f'), "b"});
  tale.direct.octets = 1'234'567;
  std::istringstream lines(demo_text(tale));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100u) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
  EXPECT_TRUE(demo_text(tale).contains("1,234,567"));
  EXPECT_TRUE(demo_text(tale).contains("  0.025 s  z.test  it is in the mailbox"));
}

TEST(demo_text, as_json) {
  const DemoTale tale{.routed = {}, .direct = direct_journey(), .elapsed = 500ms};
  const json::object out = json::parse(demo_json(tale)).as_object();
  const json::object& direct = out.at("direct").as_object();
  EXPECT_EQ(direct.at("hops").as_array().size(), 2u);
  EXPECT_EQ(direct.at("hops").at(0).at("host").as_string(), "mx.z.test");
  EXPECT_TRUE(direct.at("hops").at(1).at("host").is_null());
  EXPECT_DOUBLE_EQ(direct.at("delay").as_double(), 0.025);
  EXPECT_TRUE(out.at("routed").at("hops").as_array().empty());
}

}  // namespace
}  // namespace cli
