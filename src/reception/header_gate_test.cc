#include "reception/header_gate.h"

#include <gtest/gtest.h>

namespace reception {
namespace {

TEST(HeaderGate, opens_at_the_blank_line_wherever_the_content_is_cut) {
  const std::string content = "A: 1\r\nB: 2\r\n\r\nbody\r\n\r\nmore\r\n";
  for (std::size_t cut = 0; cut <= content.size(); ++cut) {
    HeaderGate gate;
    const bool first = gate.take(content.substr(0, cut));
    EXPECT_EQ(first, cut >= content.find("\r\n\r\n") + 4) << cut;
    if (!first) EXPECT_TRUE(gate.take(content.substr(cut))) << cut;
  }
}

TEST(HeaderGate, opens_at_once_without_a_header_section) {
  HeaderGate gate;
  EXPECT_FALSE(gate.take("\r"));
  EXPECT_TRUE(gate.take("\nbody"));
}

TEST(HeaderGate, holds_no_more_than_its_bound) {
  HeaderGate gate;
  EXPECT_FALSE(gate.take(std::string(header_section_octets_max - 1, 'x')));
  EXPECT_TRUE(gate.take("x"));
}

TEST(HeaderGate, tells_a_body_that_stands_alone) {
  for (const std::string_view content : {"hello\r\n", "hello", " folded: x\r\n", ": x\r\n\r\n"}) {
    EXPECT_TRUE(lacks_header_section(content)) << content;
  }
  for (const std::string_view content :
       {"", "\r\nhello\r\n", "A: 1", "A: 1\r\n", "A: 1\r\nhello\r\n", "A: 1\r\n\r\nhello"}) {
    EXPECT_FALSE(lacks_header_section(content)) << content;
  }
}

TEST(Submission, adds_what_is_missing_and_only_that) {
  const SubmissionParts parts{"mx.test", "0abc", base::WallTime(std::chrono::milliseconds(0))};
  EXPECT_EQ(missing_fields("Subject: x\r\n\r\n", parts),
            "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <0abc@mx.test>\r\n");
  EXPECT_EQ(missing_fields("DATE: x\r\nmessage-id: y\r\n\r\n", parts), "");
  EXPECT_EQ(missing_fields("Subject: x\r\n\r\nDate: in the body\r\n", parts).substr(0, 5), "Date:");
}

TEST(Submission, removes_every_bcc_with_its_folding) {
  EXPECT_EQ(without_bcc("To: a\r\nBcc: x,\r\n y\r\nbcc: z\r\nCc: b\r\n\r\nBcc: body\r\n"),
            "To: a\r\nCc: b\r\n\r\nBcc: body\r\n");
  EXPECT_EQ(without_bcc("Bcc: x\r\n\r\nbody"), "\r\nbody");
  EXPECT_EQ(without_bcc("no header at all"), "no header at all");
}

}  // namespace
}  // namespace reception
