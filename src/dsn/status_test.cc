#include "dsn/status.h"

#include <gtest/gtest.h>

namespace dsn {
namespace {

TEST(Status, syntax) {
  for (const auto good : {"2.0.0", "4.4.7", "5.1.10", "5.999.999"}) EXPECT_TRUE(is_status(good));
  for (const auto bad : {"", "5", "5.", "5.1", "5.1.", "5.1.1.", "5.1.1 ", "3.1.1", "1.1.1",
                         "55.1.1", "5..1", "5.1000.1", "5.1.1000", "a.1.1", "5.1.a", " 5.1.1"}) {
    EXPECT_FALSE(is_status(bad)) << bad;
  }
}

TEST(Status, of_a_reply) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"550 5.1.1 foo", "5.1.1"},
      {"550-5.1.1 foo", "5.1.1"},
      {"550 5.1.1", "5.1.1"},
      {"550 5.1.1\nmore", "5.1.1"},
      {"550 foo", "5.0.0"},
      {"550", "5.0.0"},
      {"550 4.1.1 foo", "5.0.0"},
      {"450 4.2.1 foo", "4.2.1"},
      {"451  4.2.1", "4.0.0"},
      {"250 2.1.5 ok", "2.1.5"},
      {"250 ok", "2.0.0"},
      {"354 go", ""},
      {"550x", ""},
      {"55", ""},
      {"", ""},
      {"connection refused", ""},
      {"999 5.1.1", ""},
      {"5.1.1 foo", ""},
      {"550 5.1.1: foo", "5.0.0"},
  };
  for (const auto& [reply, want] : rows) EXPECT_EQ(status_of_reply(reply), want) << reply;
}

TEST(Status, of_a_recipient) {
  struct Row {
    std::string name;
    Kind kind;
    std::string status;
    std::string reply;
    std::string want;
  };
  const Row rows[] = {
      {"its own", Kind::failed, "5.4.4", "550 5.1.1 x", "5.4.4"},
      {"its own is none", Kind::failed, "5.4", "550 5.1.1 x", "5.1.1"},
      {"that of the reply", Kind::failed, "", "550 5.1.1 x", "5.1.1"},
      {"failed after a 4yz", Kind::failed, "", "450 4.2.1 x", "4.2.1"},
      {"failed after a 2yz", Kind::failed, "", "250 2.0.0 x", "5.0.0"},
      {"failed without a reply", Kind::failed, "", "no such host", "5.0.0"},
      {"expired with the last status", Kind::expired, "", "450 4.2.1 x", "4.2.1"},
      {"expired without a status", Kind::expired, "", "450 x", "4.4.7"},
      {"expired without a reply", Kind::expired, "", "connection refused", "4.4.7"},
      {"delayed", Kind::delayed, "", "450 4.2.1 x", "4.2.1"},
      {"delayed after a 5yz", Kind::delayed, "", "550 5.2.1 x", "4.0.0"},
      {"delivered", Kind::delivered, "", "250 2.1.5 ok", "2.1.5"},
      {"relayed without a reply", Kind::relayed, "", "", "2.0.0"},
      {"expanded after a 4yz", Kind::expanded, "", "450 4.2.1", "2.0.0"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(effective_status({.kind = row.kind, .status = row.status, .reply = row.reply}),
              row.want)
        << row.name;
  }
}

TEST(Status, explanations_are_sentences) {
  EXPECT_EQ(explain_status("5.1.1"), "There is no such mailbox.");
  EXPECT_EQ(explain_status("4.4.7"), "The time to deliver the message has run out.");
  EXPECT_EQ(explain_status("5.0.0"), "");
  EXPECT_EQ(explain_status(""), "");
}

}  // namespace
}  // namespace dsn
