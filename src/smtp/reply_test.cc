#include "smtp/reply.h"

#include <gtest/gtest.h>

#include "smtp/server_replies.h"

namespace smtp {
namespace {

using namespace std::string_view_literals;

struct StatusCase {
  std::string_view name;
  std::string_view text;
  std::optional<EnhancedStatus> want;
  std::string_view rest;
};

const StatusCase status_cases[] = {
    {"alone", "5.1.1", EnhancedStatus{5, 1, 1}, ""},
    {"before text", "4.3.0 come back", EnhancedStatus{4, 3, 0}, "come back"},
    {"several spaces", "2.1.5   ok", EnhancedStatus{2, 1, 5}, "ok"},
    {"three digits", "5.999.000 x", EnhancedStatus{5, 999, 0}, "x"},
    {"four digits", "5.1000.1 x", std::nullopt, "5.1000.1 x"},
    {"class 3", "3.1.1 x", std::nullopt, "3.1.1 x"},
    {"two numbers", "5.1 x", std::nullopt, "5.1 x"},
    {"four numbers", "5.1.1.1 x", std::nullopt, "5.1.1.1 x"},
    {"no detail", "5.1. x", std::nullopt, "5.1. x"},
    {"glued to text", "5.1.1x", std::nullopt, "5.1.1x"},
    {"empty", "", std::nullopt, ""},
    {"text alone", "ok", std::nullopt, "ok"},
};

TEST(reply, takes_enhanced_status_codes_off_the_front) {
  for (const StatusCase& row : status_cases) {
    std::string_view text = row.text;
    EXPECT_EQ(take_enhanced_status(text), row.want) << row.name;
    EXPECT_EQ(text, row.rest) << row.name;
  }
  EXPECT_EQ(parse_enhanced_status("5.1.1"), (EnhancedStatus{5, 1, 1}));
  EXPECT_EQ(parse_enhanced_status("5.1.1 "), std::nullopt);
  EXPECT_EQ(parse_enhanced_status("5.1.1 x"), std::nullopt);
  EXPECT_EQ(to_string(EnhancedStatus{5, 7, 11}), "5.7.11");
}

struct WireCase {
  std::string_view name;
  Reply reply;
  std::string_view wire;
  std::string_view line;
};

const WireCase wire_cases[] = {
    {"one line",
     {451, EnhancedStatus{4, 3, 0}, "come back"},
     "451 4.3.0 come back\r\n",
     "451 4.3.0 come back"},
    {"the code on each line [RFC2034 4]",
     {550, EnhancedStatus{5, 1, 1}, "no\nsuch\n\nuser"},
     "550-5.1.1 no\r\n550-5.1.1 such\r\n550-5.1.1 \r\n550 5.1.1 user\r\n",
     "550 5.1.1 no such  user"},
    {"without enhanced code",
     {250, std::nullopt, "mx\nSIZE"},
     "250-mx\r\n250 SIZE\r\n",
     "250 mx SIZE"},
    {"without text", {354, std::nullopt, ""}, "354 \r\n", "354"},
    {"nothing but codes", {250, EnhancedStatus{2, 0, 0}, ""}, "250 2.0.0 \r\n", "250 2.0.0"},
    {"what is no textstring",
     {550, std::nullopt, "a\rb\x80\x01\tc"},
     "550 a?b??\tc\r\n",
     R"(550 a\x0db\x80\x01\x09c)"},
};

TEST(reply, goes_over_the_wire_and_into_logs) {
  for (const WireCase& row : wire_cases) {
    std::string wire;
    append_wire(row.reply, wire);
    EXPECT_EQ(wire, row.wire) << row.name;
    EXPECT_EQ(one_line(row.reply), row.line) << row.name;
  }
}

TEST(reply, has_no_line_beyond_the_limit) {
  for (const std::size_t octets : {500u, 501u, 5'000u}) {
    std::string wire;
    append_wire({550, EnhancedStatus{5, 1, 1}, std::string(octets, 'x')}, wire);
    const std::size_t want = std::min<std::size_t>(octets + 12, reply_line_octets_max);
    EXPECT_EQ(wire.size(), want);
    EXPECT_TRUE(wire.ends_with("x\r\n"));
  }
}

TEST(reply, knows_its_class) {
  EXPECT_TRUE((Reply{250, {}, ""}.is_positive()));
  EXPECT_TRUE((Reply{354, {}, ""}.is_intermediate()));
  EXPECT_TRUE((Reply{451, {}, ""}.is_transient()));
  EXPECT_TRUE((Reply{550, {}, ""}.is_permanent()));
  EXPECT_FALSE((Reply{550, {}, ""}.is_transient()));
}

}  // namespace
}  // namespace smtp
