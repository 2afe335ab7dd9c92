#include "lab/mailboxes.h"

#include <gtest/gtest.h>

namespace lab {
namespace {

struct FileCase {
  std::string_view name;
  std::string_view octets;
  std::vector<std::string> want;  ///< "recipient|content" of each message.
};

const FileCase file_cases[] = {
    {"nothing", "", {"|"}},
    {"a message of a Maildir",
     "Delivered-To: b@z.test\nSubject: x\n\nhello\n",
     {"b@z.test|Delivered-To: b@z.test\r\nSubject: x\r\n\r\nhello\r\n"}},
    {"the first Delivered-To counts",
     "Delivered-To: b@z.test\nDelivered-To: c@z.test\n\n",
     {"b@z.test|Delivered-To: b@z.test\r\nDelivered-To: c@z.test\r\n\r\n"}},
    {"none in the body",
     "Subject: x\n\nDelivered-To: b@z.test\n",
     {"|Subject: x\r\n\r\nDelivered-To: b@z.test\r\n"}},
    {"lines in CRLF stay", "A: b\r\n\r\nhello\r\n", {"|A: b\r\n\r\nhello\r\n"}},
    {"an mbox of two",
     "From a@a 2030\nA: 1\n\none\n\nFrom b@b 2030\nA: 2\n\ntwo\n\n",
     {"|A: 1\r\n\r\none\r\n", "|A: 2\r\n\r\ntwo\r\n"}},
    {"quoted lines of an mbox",
     "From a@a 2030\nA: 1\n\n>From x\n>>From y\n> From z\n\n",
     {"|A: 1\r\n\r\nFrom x\r\n>From y\r\n> From z\r\n"}},
};

TEST(Mailboxes, what_a_file_has) {
  for (const FileCase& row : file_cases) {
    std::vector<std::string> found;
    read_mailbox_file(row.octets, [&](const std::string& recipient, const std::string& content) {
      found.push_back(recipient + "|" + content);
    });
    EXPECT_EQ(found, row.want) << row.name;
  }
}

}  // namespace
}  // namespace lab
