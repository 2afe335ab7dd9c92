#include "cli/sendmail_message.h"

#include <gtest/gtest.h>

#include "cli/sendmail_arguments.h"
#include "grammar/notify.h"

namespace cli {
namespace {

const LocalSender ann{.hostname = "mx.test", .login = "ann", .full_name = "Ann \"A\" Smith"};

/// `REVERSE > FORWARD…`, a bar, and the content with CRLF as LF; or `!STATUS`.
std::string summary(std::string_view text, const SendmailOptions& options) {
  const auto message = make_local_message(text, options, ann);
  if (!message) return '!' + std::to_string(message.error().status);
  std::string out = message->reverse_path.print() + " >";
  for (const grammar::ForwardPath& path : message->forward_paths) out += ' ' + path.print();
  out += '|';
  for (std::size_t i = 0; i < message->content.size(); ++i) {
    const bool ends_line = message->content.compare(i, 2, "\r\n") == 0;
    if (!ends_line) out += message->content[i];
  }
  return out;
}

struct MessageCase {
  std::string name;
  SendmailOptions options;
  std::string text;
  std::string want;
};

const SendmailOptions to_bob{.recipients = {"bob"}};
const SendmailOptions by_header{.recipients_from_header = true, .dot_ends = false};

const MessageCase message_cases[] = {
    {"what is missing is added", to_bob, "Subject: x\n\nHi\n",
     "<ann@mx.test> > <bob@mx.test>|From: \"Ann \\\"A\\\" Smith\" <ann@mx.test>\nSubject: "
     "x\n\nHi\n"},
    {"From stays", to_bob, "from: x@y\n\nHi\n", "<ann@mx.test> > <bob@mx.test>|from: x@y\n\nHi\n"},
    {"a name of its own",
     {.from = "b@c", .full_name = "B", .recipients = {"d@e"}},
     "\nHi\n",
     "<b@c> > <d@e>|From: \"B\" <b@c>\n\nHi\n"},
    {"null reverse-path",
     {.from = "<>", .recipients = {"d@e"}},
     "\n",
     "<> > <d@e>|From: MAILER-DAEMON@mx.test\n\n"},
    {"an empty one, too",
     {.from = "", .recipients = {"d@e"}},
     "From: x\n\n",
     "<> > <d@e>|From: x\n\n"},
    {"a body alone", to_bob, "Hello, world\nFrom: x\n",
     "<ann@mx.test> > <bob@mx.test>|From: \"Ann \\\"A\\\" Smith\" <ann@mx.test>\n\nHello, "
     "world\nFrom: x\n"},
    {"no blank line", to_bob, "From: x\nHello, world\n",
     "<ann@mx.test> > <bob@mx.test>|From: x\n\nHello, world\n"},
    {"nothing at all", to_bob, "",
     "<ann@mx.test> > <bob@mx.test>|From: \"Ann \\\"A\\\" Smith\" <ann@mx.test>\n\n"},
    {"no last line end", to_bob, "From: x\n\na", "<ann@mx.test> > <bob@mx.test>|From: x\n\na\n"},
    {"CRLF", to_bob, "From: x\r\n\r\na\r\n", "<ann@mx.test> > <bob@mx.test>|From: x\n\na\n"},
    {"a dot ends it", to_bob, "From: x\n\na\n.\nb\n",
     "<ann@mx.test> > <bob@mx.test>|From: x\n\na\n"},
    {"with CRLF, too", to_bob, "From: x\r\n\r\na\r\n.\r\nb\r\n",
     "<ann@mx.test> > <bob@mx.test>|From: x\n\na\n"},
    {"but not with -i",
     {.dot_ends = false, .recipients = {"b"}},
     "From: x\n\na\n.\nb\n",
     "<ann@mx.test> > <b@mx.test>|From: x\n\na\n.\nb\n"},
    {"two dots do not", to_bob, "From: x\n\n..\n", "<ann@mx.test> > <bob@mx.test>|From: x\n\n..\n"},
    {"the line of a mailbox file", to_bob, "From ann Thu Jan  1\nFrom: x\n\n",
     "<ann@mx.test> > <bob@mx.test>|From: x\n\n"},
    {"a list as an argument",
     {.recipients = {"a, B <b@c>", "d"}},
     "From: x\n\n",
     "<ann@mx.test> > <a@mx.test> <b@c> <d@mx.test>|From: x\n\n"},
    {"-t", by_header, "From: x\nTo: A <a@b>,\n c\nCc: g: d@e;\nSubject: To\nBCC: f@g\n\nTo: h@i\n",
     "<ann@mx.test> > <a@b> <c@mx.test> <d@e> <f@g>|"
     "From: x\nTo: A <a@b>,\n c\nCc: g: d@e;\nSubject: To\n\nTo: h@i\n"},
    {"-t with more",
     {.recipients_from_header = true, .recipients = {"z@z"}},
     "From: x\nTo: a@b\n\n",
     "<ann@mx.test> > <z@z> <a@b>|From: x\nTo: a@b\n\n"},
    {"-t with nobody", by_header, "From: x\nTo: undisclosed:;\n\n", "!64"},
    {"-t without a field", by_header, "From: x\n\n", "!64"},
    {"-t with a bad address", by_header, "From: x\nTo: a@b, c d\n\n", "!65"},
    {"without -t fields are not read", to_bob, "From: x\nTo: c d\n\n",
     "<ann@mx.test> > <bob@mx.test>|From: x\nTo: c d\n\n"},
    {"nobody", {}, "x\n", "!64"},
    {"a bad recipient", {.recipients = {"a..b@c"}}, "x\n", "!65"},
    {"a bad sender", {.from = "a b", .recipients = {"c"}}, "x\n", "!65"},
    {"two senders", {.from = "a, b", .recipients = {"c"}}, "x\n", "!65"},
    {"a CR alone", to_bob, "From: x\n\na\rb\n", "!65"},
};

TEST(sendmail_message, is_made_of_what_a_program_writes) {
  for (const MessageCase& test : message_cases) {
    EXPECT_EQ(summary(test.text, test.options), test.want) << test.name;
  }
}

TEST(sendmail_message, a_full_name_cannot_add_fields) {
  LocalSender evil = ann;
  evil.full_name = "x\r\nBcc: y\x01 \xff";
  const auto message = make_local_message("Subject: x\n\n", to_bob, evil);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->content, "From: \"xBcc: y \" <ann@mx.test>\r\nSubject: x\r\n\r\n");
}

TEST(sendmail_notify, is_never_or_a_list) {
  using namespace grammar::notify;
  EXPECT_EQ(parse_notify("never"), never);
  EXPECT_EQ(parse_notify("Success,FAILURE,delay"), success | failure | delay);
  for (const char* bad : {"", "never,delay", "delay,", ",delay", "yes", "delay delay"}) {
    EXPECT_FALSE(parse_notify(bad)) << bad;
  }
}

}  // namespace
}  // namespace cli
