#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "grammar/notify.h"
#include "smtp/client_commands.h"
#include "smtp/client_selection.h"
#include "smtp/client_session_testing.h"

// The extensions of a client: CHUNKING, DSN, SMTPUTF8, LIMITS; and LMTP.
namespace smtp {
namespace {

using namespace client_test;
namespace notify = grammar::notify;

Transaction ask_only(Transaction t) {
  t.ask_only = true;
  return t;
}
Transaction all_or_nothing(Transaction t) {
  t.all_or_nothing = true;
  return t;
}
Transaction utf8(Transaction t) {
  t.needs_smtputf8 = true;
  return t;
}
Transaction of_size(std::uint64_t size) {
  Transaction t = one;
  t.size = size;
  return t;
}

const Transaction with_dsn = {
    .reverse_path = "<a@a.test>",
    .forward_paths = {"<x@z.test>", "<y@z.test>", "<z@z.test>"},
    .dsn = {{notify::success | notify::failure, "rfc822;x+40a.test"}, {notify::never, ""}, {}},
    .ret = DsnReturn::headers,
    .envid = "a b+c=",
    .size = 100};

const ClientOptions lmtp = {.helo = "a.test", .protocol = Protocol::lmtp};

/// Greeting and EHLO with these keywords.
std::string offering(const std::vector<std::string>& keywords) {
  std::string out = greeting + "S: 250-z.test\n";
  for (const std::string& keyword : keywords) out += "S: 250-" + keyword + "\n";
  return out + "S: 250 HELP\n";
}
const std::string chunking = offering({"CHUNKING"});
const std::string chunking_pipelining = offering({"CHUNKING", "PIPELINING"});
const std::string hello_lmtp = "S: 220 z.test\nC: LHLO a.test\nS: 250-z.test\nS: 250 PIPELINING\n";
const std::string three_asked = mail + rcpt_x + rcpt_y + rcpt_z;
const std::string taken = "S: 250 taken\n";

struct Row {
  std::string_view name;
  Plan plan;
  std::string transcript;
  std::string want;
};

const Row rows[] = {
    // CHUNKING.
    {"BDAT [RFC3030 2]",
     {plain, {one}},
     chunking + mail + ok + rcpt_x + ok + chunk + taken + bye,
     "accepted@final dot 250 taken\n" + quit},
    {"BDAT behind the replies to what was pipelined",
     {plain, {three, one}},
     chunking_pipelining + three_asked + ok + "S: 550 x\n" + ok + ok + chunk + taken + mail +
         rcpt_x + ok + ok + chunk + taken + bye,
     "permanent@RCPT 550 x\naccepted@final dot 250 taken\naccepted@final dot 250 taken\n"
     "accepted@final dot 250 taken\n" +
         quit},
    {"nobody accepted: no content travels",
     {plain, {one, one}},
     chunking_pipelining + mail + rcpt_x + ok + "S: 550 x\nC: RSET\n" + mail + rcpt_x + ok +
         "S: 450 no\nS: 450 x\n" + bye,
     "permanent@RCPT 550 x\ntransient@MAIL 450 no\n" + quit},
    {"MAIL refused",
     {plain, {one}},
     chunking_pipelining + mail + rcpt_x + "S: 550 no\nS: 503 x\n" + bye,
     "permanent@MAIL 550 no\n" + quit},
    {"chunk refused, then RSET",
     {plain, {one, one}},
     chunking_pipelining + mail + rcpt_x + ok + ok + chunk + "S: 552 5.2.2 full\nC: RSET\n" + mail +
         rcpt_x + ok + ok + ok + chunk + taken + bye,
     "permanent@final dot 552 5.2.2 full\naccepted@final dot 250 taken\n" + quit},
    {"an empty content",
     {plain, {of_size(0)}},
     chunking + mail + ok + rcpt_x + ok + "C: BDAT 0 LAST\n(octets)\n(last octet)\n" + taken + bye,
     "accepted@final dot 250 taken\n" + quit},
    {"no reply after the last octet",
     {plain, {one}},
     chunking + mail + ok + rcpt_x + ok + chunk + "(lost)\n",
     "unknown@final dot\nconnection lost@final dot\n"},
    {"354 to BDAT",
     {plain, {one}},
     chunking + mail + ok + rcpt_x + ok + chunk + "S: 354 go\n",
     "unknown@final dot 354 go\nprotocol error@final dot 354 go\n"},
    {"all or nothing by BDAT: nothing",
     {plain, {all_or_nothing(three)}},
     chunking_pipelining + three_asked + ok + ok + "S: 550 y\n" + ok + bye,
     "abandoned@DATA\npermanent@RCPT 550 y\nabandoned@DATA\n" + quit},
    {"all or nothing by BDAT: all",
     {plain, {all_or_nothing(one)}},
     chunking_pipelining + mail + rcpt_x + ok + ok + chunk + taken + bye,
     "accepted@final dot 250 taken\n" + quit},

    // Asking.
    {"asking gives the transaction up before the content",
     {plain, {ask_only(three), ask_only(one)}},
     pipelining + three_asked + ok + ok + "S: 550 5.1.1 y\nS: 450 z\nC: RSET\n" + mail + rcpt_x +
         ok + ok + "S: 550 x\n" + bye,
     "abandoned@DATA\npermanent@RCPT 550 5.1.1 y\ntransient@RCPT 450 z\npermanent@RCPT 550 x\n" +
         quit},
    {"asking by CHUNKING",
     {plain, {ask_only(one)}},
     chunking + mail + ok + rcpt_x + ok + bye,
     "abandoned@DATA\n" + quit},

    // DSN.
    {"DSN parameters where offered [RFC3461 4]",
     {plain, {with_dsn}},
     offering({"DSN", "PIPELINING", "CHUNKING"}) +
         "C: MAIL FROM:<a@a.test> RET=HDRS ENVID=a+20b+2Bc+3D\n"
         "C: RCPT TO:<x@z.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x+40a.test\n"
         "C: RCPT TO:<y@z.test> NOTIFY=NEVER\n"
         "C: RCPT TO:<z@z.test>\nS: 450 a\nS: 450 b\nS: 450 c\nS: 450 d\n" +
         bye,
     "transient@MAIL 450 a\ntransient@MAIL 450 a\ntransient@MAIL 450 a\n" + quit},
    {"DSN parameters where not offered",
     {plain, {with_dsn}},
     chunking_pipelining + three_asked + "S: 450 a\nS: 450 b\nS: 450 c\nS: 450 d\n" + bye,
     "transient@MAIL 450 a\ntransient@MAIL 450 a\ntransient@MAIL 450 a\n" + quit},

    // SMTPUTF8.
    {"a recipient that needs SMTPUTF8, not offered: the others get theirs",
     {plain, {to({"<\xc3\xa4@z.test>", "<x@z.test>"})}},
     simple + mail + ok + rcpt_x + ok + "C: DATA\n" + content + taken + bye,
     "refused here@RCPT 550 5.6.7 next hop does not offer SMTPUTF8\n"
     "accepted@final dot 250 taken\n" +
         quit},
    {"nobody can be asked for",
     {plain, {to({"<\xc3\xa4@z.test>"}), one}},
     simple + mail + "S: 450 a\n" + bye,
     "refused here@RCPT 550 5.6.7 next hop does not offer SMTPUTF8\ntransient@MAIL 450 a\n" + quit},
    {"all or nothing, one cannot be asked for",
     {plain, {all_or_nothing(to({"<\xc3\xa4@z.test>", "<x@z.test>"}))}},
     simple + bye,
     "refused here@RCPT 550 5.6.7 next hop does not offer SMTPUTF8\nabandoned@RCPT\n" + quit},
    {"a recipient that needs SMTPUTF8, offered",
     {plain, {to({"<\xc3\xa4@z.test>"})}},
     offering({"SMTPUTF8"}) +
         "C: MAIL FROM:<a@a.test> SMTPUTF8\nS: 250 ok\n"
         "C: RCPT TO:<\xc3\xa4@z.test>\nS: 450 a\n" +
         bye,
     "transient@RCPT 450 a\n" + quit},
    {"a header section that needs it concerns everybody",
     {plain, {utf8(to({"<x@z.test>", "<y@z.test>"}))}},
     simple + bye,
     "refused here@MAIL 550 5.6.7 next hop does not offer SMTPUTF8\n"
     "refused here@MAIL 550 5.6.7 next hop does not offer SMTPUTF8\n" +
         quit},

    // LIMITS.
    {"RCPTMAX [RFC9422 4.2]",
     {plain, {three}},
     offering({"LIMITS RCPTMAX=2", "PIPELINING"}) + mail + rcpt_x + rcpt_y + "C: DATA\n" + ok + ok +
         "S: 550 y\n" + content + taken + bye,
     "accepted@final dot 250 taken\npermanent@RCPT 550 y\nanother@RCPT\n" + quit},
    {"RCPTMAX is reached, not passed",
     {plain, {to({"<x@z.test>", "<y@z.test>"})}},
     offering({"LIMITS RCPTMAX=2", "PIPELINING"}) + mail + rcpt_x + rcpt_y +
         "C: DATA\nS: 450 a\nS: 503 b\nS: 503 c\nS: 503 d\n" + bye,
     "transient@MAIL 450 a\ntransient@MAIL 450 a\n" + quit},
    {"RCPTDOMAINMAX [RFC9422 4.3]",
     {plain, {to({"<x@z.test>", "<a@b.test>", "<y@Z.Test>"})}},
     offering({"LIMITS RCPTDOMAINMAX=1", "PIPELINING"}) + mail + rcpt_x +
         "C: RCPT TO:<y@Z.Test>\n" + "C: DATA\nS: 450 a\nS: 503 b\nS: 503 c\nS: 503 d\n" + bye,
     "transient@MAIL 450 a\nanother@RCPT\ntransient@MAIL 450 a\n" + quit},
    {"all or nothing leaves LIMITS to the peer",
     {plain, {all_or_nothing(three)}},
     offering({"LIMITS RCPTMAX=2", "PIPELINING"}) + three_asked + ok + ok + ok +
         "S: 452 too many\n" + bye,
     "abandoned@DATA\nabandoned@DATA\nanother@RCPT 452 too many\n" + quit},

    // LMTP.
    {"a reply for each recipient [RFC2033 4.2]",
     {lmtp, {three}},
     hello_lmtp + three_ahead + ok + ok + ok + ok + content +
         "S: 250 a\nS: 452 4.2.2 full\nS: 550 5.2.1 c\n" + bye,
     "accepted@final dot 250 a\ntransient@final dot 452 4.2.2 full\n"
     "permanent@final dot 550 5.2.1 c\n" +
         quit},
    {"a reply for each accepted recipient",
     {lmtp, {three, one}},
     hello_lmtp + three_ahead + ok + "S: 550 x\n" + ok + "S: 450 z\n" + content + taken +
         one_ahead + ok + ok + content + "S: 451 b\n" + bye,
     "permanent@RCPT 550 x\naccepted@final dot 250 taken\ntransient@RCPT 450 z\n"
     "transient@final dot 451 b\n" +
         quit},
    {"lost halfway: the remaining ones are unknown",
     {lmtp, {three}},
     hello_lmtp + three_ahead + ok + ok + ok + ok + content + "S: 250 a\n(lost)\n",
     "accepted@final dot 250 a\nunknown@final dot\nunknown@final dot\nconnection lost@final dot\n"},
    {"silent halfway",
     {lmtp, {three}},
     hello_lmtp + three_ahead + ok + ok + ok + ok + content + "S: 550 a\nS: 250 b\n(time-out)\n",
     "permanent@final dot 550 a\naccepted@final dot 250 b\nunknown@final dot\n"
     "timed out@final dot\n"},
    {"421 for one, and an answer for the others",
     {lmtp, {three}},
     hello_lmtp + three_ahead + ok + ok + ok + ok + content + "S: 421 a\nS: 250 b\nS: 421 c\n",
     "transient@final dot 421 a\naccepted@final dot 250 b\ntransient@final dot 421 c\n"
     "service closing@idle 421 c\n"},
    {"421 and the end",
     {lmtp, {three}},
     hello_lmtp + three_ahead + ok + ok + ok + ok + content + "S: 421 a\n(lost)\n",
     "transient@final dot 421 a\nunknown@final dot\nunknown@final dot\n"
     "connection lost@final dot\n"},
    {"nobody accepted, DATA refused",
     {lmtp, {one}},
     hello_lmtp + one_ahead + ok + "S: 550 x\nS: 503 none\n" + bye,
     "permanent@RCPT 550 x\n" + quit},
    {"nobody accepted, but DATA",
     {lmtp, {one}},
     hello_lmtp + one_ahead + ok + "S: 550 x\nS: 354 go\n",
     "permanent@RCPT 550 x\nprotocol error@DATA 354 go\n"},
    {"no BDAT in LMTP",
     {lmtp, {one}},
     "S: 220 z.test\nC: LHLO a.test\nS: 250-z.test\nS: 250 CHUNKING\n" + mail + ok + rcpt_x + ok +
         "C: DATA\n" + content + taken + bye,
     "accepted@final dot 250 taken\n" + quit},
    {"no HELO for LMTP [RFC2033 4.1]",
     {lmtp, {one}},
     "S: 220 z.test\nC: LHLO a.test\nS: 500 what?\nC: QUIT\n",
     "refused@EHLO 500 what?\n"},
};

std::size_t octets_served(const std::string& transcript) {
  std::size_t octets = 0;
  for (std::size_t at = 0; (at = transcript.find("S: ", at)) != transcript.npos; ++at) {
    octets += transcript.find('\n', at) - at - 3 + 2;
  }
  return octets;
}

TEST(client_extensions, transcripts_are_as_in_the_table_whatever_the_cut) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    for (std::size_t cut = 0; cut <= octets_served(row.transcript); ++cut) {
      ASSERT_EQ(run(row.plan, row.transcript, cut), row.want) << "cut at " << cut;
      ASSERT_FALSE(HasFailure()) << "cut at " << cut;
    }
  }
}

TEST(client_extensions, in_lmtp_a_refusal_before_the_final_dot_is_for_the_first_recipient) {
  Plan plan{lmtp, {three}};
  plan.ends_content = false;
  EXPECT_EQ(run(plan,
                hello_lmtp + three_ahead + ok + "S: 450 x\n" + ok + ok +
                    "S: 354 go\n(content)\nS: 550 full\n",
                0),
            "transient@RCPT 450 x\npermanent@content 550 full\nlost@content 550 full\n"
            "protocol error@content 550 full\n");
}

TEST(client_extensions, one_reply_too_many_ends_the_session) {
  Driver driver({lmtp, {one}});
  driver.serve("220 z\r\n");
  driver.serve("250-z\r\n250 PIPELINING\r\n");
  driver.serve("250 ok\r\n250 ok\r\n354 go\r\n");
  driver.serve("250 a\r\n250 b\r\n");
  EXPECT_EQ(driver.outcome(), "accepted@final dot 250 a\nprotocol error@idle 250 b\n");
}

struct OrcptCase {
  std::string_view name;
  std::string orcpt;
  bool smtputf8;
  std::string_view want;
};

const OrcptCase orcpt_cases[] = {
    {"as it came", "rfc822;a+2Bb@z", false, " ORCPT=rfc822;a+2Bb@z"},
    {"UTF-8 where SMTPUTF8 was said", "utf-8;\xc3\xa4@z", true, " ORCPT=utf-8;\xc3\xa4@z"},
    {"UTF-8 elsewhere [RFC6533 3]", "UTF-8;\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xac@z", false,
     " ORCPT=UTF-8;\\x{E4}\\x{20AC}\\x{1F4EC}@z"},
    {"another type beyond ASCII", "rfc822;\xc3\xa4@z", false, ""},
    {"what is no UTF-8", "utf-8;\xff@z", true, ""},
    {"space", "rfc822;a b", false, ""},
    {"line end", "rfc822;a\r\nDATA", false, ""},
};

TEST(client_extensions, an_orcpt_is_handed_on_as_it_came_or_not_at_all) {
  for (const OrcptCase& row : orcpt_cases) {
    const RecipientDsn dsn{0, row.orcpt};
    std::string out;
    write_rcpt("<x@z>", &dsn, {.dsn = true}, row.smtputf8, out);
    EXPECT_EQ(out, "RCPT TO:<x@z>" + std::string(row.want) + "\r\n") << row.name;
  }
}

TEST(client_extensions, notify_is_written_in_one_order) {
  const struct {
    std::uint8_t bits;
    std::string_view want;
  } cases[] = {
      {0, ""},
      {notify::never, " NOTIFY=NEVER"},
      {notify::success, " NOTIFY=SUCCESS"},
      {notify::failure | notify::delay, " NOTIFY=FAILURE,DELAY"},
      {notify::success | notify::failure | notify::delay, " NOTIFY=SUCCESS,FAILURE,DELAY"},
  };
  for (const auto& row : cases) {
    const RecipientDsn dsn{row.bits, ""};
    std::string out;
    write_rcpt("<x@z>", &dsn, {.dsn = true}, false, out);
    EXPECT_EQ(out, "RCPT TO:<x@z>" + std::string(row.want) + "\r\n");
  }
}

}  // namespace
}  // namespace smtp
