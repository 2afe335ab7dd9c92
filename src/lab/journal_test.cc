#include "lab/journal.h"

#include <gtest/gtest.h>

namespace lab {
namespace {

using namespace std::chrono_literals;

/// "time where what[ report]" of each step.
std::vector<std::string> steps_of(const Journey& journey) {
  std::vector<std::string> out;
  for (const Step& step : journey.steps) {
    out.push_back(std::to_string(step.time / 1s) + " " + step.where + " " + step.what +
                  (step.report ? " report" : "") + (step.host.empty() ? "" : " " + step.host));
  }
  return out;
}

Journal begun() {
  Journal out;
  out.name_machine("10.1.0.2", "d.test");
  out.name_machine("d.test", "d.test");
  out.name_machine("z.test", "z.test");
  out.begin("lab-message-1", "a@a.test", {"u@z.test"}, {});
  return out;
}

constexpr std::string_view delivered_to_d =
    R"({"event":"delivered","id":"1a","to":"u@z.test","host":"mx","address":"10.1.0.2:25","reply":"250 2.0.0 accepted as 2d"})";

TEST(Journal, follows_replies_from_server_to_server) {
  Journal journal = begun();
  // The next server writes down what it took before the one before hears of it.
  journal.take_event("a.test", 1s, R"({"event":"received","id":"1a","to":["u@z.test"]})");
  journal.link_reply("lab-message-1", "a.test", "250 2.0.0 accepted as 1a");
  journal.take_event("d.test", 2s, R"({"event":"received","id":"2d"})");
  journal.take_event("a.test", 3s, delivered_to_d);
  journal.take_event("d.test", 4s, R"({"event":"delivered","id":"2d","host":null})");
  journal.finish();
  EXPECT_EQ(steps_of(journal.journeys().at(0)),
            (std::vector<std::string>{"1 a.test received", "2 d.test received",
                                      "3 a.test delivered d.test", "4 d.test delivered"}));
  EXPECT_EQ(journal.unlinked(), 0u);
}

TEST(Journal, links_whole_chains_at_once_and_reports_too) {
  Journal journal = begun();
  journal.take_event("a.test", 3s, delivered_to_d);
  journal.take_event("d.test", 4s, R"({"event":"bounced","id":"2d","dsn":"3d"})");
  journal.take_event("d.test", 5s, R"({"event":"received","id":"3d"})");
  journal.link_reply("lab-message-1", "a.test", "250 2.0.0 accepted as 1a");
  journal.take_event("d.test", 6s, R"({"event":"delivered","id":"3d","host":null})");
  journal.finish();
  EXPECT_EQ(steps_of(journal.journeys().at(0)),
            (std::vector<std::string>{"3 a.test delivered d.test", "4 d.test bounced",
                                      "5 d.test received report", "6 d.test delivered report"}));
}

TEST(Journal, links_by_what_has_arrived) {
  Journal journal = begun();
  journal.take_event("z.test", 2s, R"({"event":"received","id":"9z"})");
  journal.take_event("d.test", 1s, R"({"event":"received","id":"9d"})");
  journal.take_event("d.test", 1s, R"({"event":"received","id":"8d"})");
  journal.link_content(
      "Received: from d.test (d.test [10.1.0.2]) by z.test with ESMTP\r\n\tid 9z for "
      "<u@z.test>;\r\n"
      "\tTue, 01 Jan 2030 00:00:02 +0000\r\n"
      "Received: by d.test id 9d; Tue, 01 Jan 2030 00:00:01 +0000\r\n"
      "Received: by stranger.test id 7\r\n"
      "Subject: lab-message-1\r\n\r\nReceived: by d.test id 8d;\r\n");
  journal.finish();
  EXPECT_EQ(steps_of(journal.journeys().at(0)),
            (std::vector<std::string>{"1 d.test received", "2 z.test received"}));
  EXPECT_EQ(journal.unlinked(), 1u) << "what stands in a body is no Received field";
}

TEST(Journal, what_is_no_event_of_a_message_is_nothing) {
  Journal journal = begun();
  for (const char* line : {"", "{", "[]", "{}", R"({"event":"session_opened"})", R"({"id":7})"})
    journal.take_event("a.test", 1s, line);
  journal.add("lab-message-2", {.where = "client", .what = "waits"});
  journal.link_reply("lab-message-2", "a.test", "250 accepted as 1a");
  journal.link_reply("lab-message-1", "a.test", "250 ok");
  journal.finish();
  EXPECT_TRUE(journal.journeys().at(0).steps.empty());
  EXPECT_EQ(journal.unlinked(), 0u);
}

TEST(Journal, steps_are_bounded) {
  for (const bool early : {false, true}) {
    for (const std::size_t count : {steps_max, steps_max + 1}) {
      Journal journal = begun();
      const auto link = [&] {
        journal.link_reply("lab-message-1", "a.test", "250 2.0.0 accepted as 1a");
      };
      if (early) link();
      for (std::size_t i = 0; i < count; ++i)
        journal.take_event("a.test", 1s, R"({"event":"deferred","id":"1a"})");
      if (!early) link();
      journal.finish();
      EXPECT_EQ(journal.journeys().at(0).steps.size(), steps_max);
      EXPECT_EQ(journal.journeys().at(0).left_out, count - steps_max);
    }
  }
}

}  // namespace
}  // namespace lab
