#include "cli/queue_text.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace cli {
namespace {

std::string text_of(std::string_view object) {
  return queue_text(boost::json::parse(object).as_object());
}

TEST(queue_text, a_line_for_the_message_and_one_for_each_recipient) {
  EXPECT_EQ(text_of(R"({"id":"1m88kn0y0eb90","from":"a@b.example","size":4300,
      "received":"2026-11-25T03:28:30.123Z","state":"deferred","recipients":[
      {"to":"u@z.example","state":"deferred","attempts":2,
       "next_attempt":"2026-11-25T04:00:00.000Z","last_reply":"451 4.3.0 come back",
       "via":"mx:z.example"},
      {"to":"v@z.example","state":"held","attempts":1,"next_attempt":null,"last_reply":null,
       "via":"mx:z.example"}]})"),
            "1m88kn0y0eb90  deferred        4.2 KiB  2026-11-25 03:28:30  <a@b.example>\n"
            "    u@z.example  deferred, 2 attempts, next 2026-11-25 04:00:00, via mx:z.example\n"
            "        451 4.3.0 come back\n"
            "    v@z.example  held, 1 attempt, via mx:z.example\n");
}

TEST(queue_text, a_quarantined_message_says_where_the_damage_is) {
  EXPECT_EQ(text_of(R"({"id":"1m88kn0y0eb90","state":"quarantined","file":"log.00000001",
      "offset":8192,"what":"content"})"),
            "1m88kn0y0eb90  quarantined  log.00000001 at octet 8192: content\n");
}

TEST(queue_text, whatever_is_missing_is_left_out) {
  EXPECT_EQ(text_of(R"({"recipients":[{}, 7]})"),
            "                                   0 B                       <>\n      \n");
}

TEST(queue_text, sizes) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1024), "1.0 KiB");
  EXPECT_EQ(size_text(50ull << 20), "50.0 MiB");
  EXPECT_EQ(size_text(5ull << 40), "5120.0 GiB");
}

}  // namespace
}  // namespace cli
