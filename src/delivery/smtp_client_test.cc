#include "delivery/smtp_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "delivery/peer_testing.h"

namespace delivery {
namespace {

using namespace peer_test;
using namespace std::string_literals;

/// A content from memory, in pieces.
class Pieces final : public ContentSource {
 public:
  explicit Pieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

  base::Io<std::span<const std::string_view>> next() override {
    if (next_ == pieces_.size()) return std::span<const std::string_view>();
    piece_ = pieces_[next_++];
    return std::span<const std::string_view>(&piece_, 1);
  }
  [[nodiscard]] bool at_end() const override { return next_ == pieces_.size(); }
  base::Task<base::Io<>> before_final_dot() override { co_return base::Io<>{}; }

  [[nodiscard]] std::size_t size() const {
    std::size_t octets = 0;
    for (const std::string& piece : pieces_) octets += piece.size();
    return octets;
  }

 private:
  std::vector<std::string> pieces_;
  std::string_view piece_;
  std::size_t next_ = 0;
};

struct Attempted {
  std::string outcome;  ///< As a log or a report would show it.
  std::string heard;    ///< By the peer.
};

const std::vector<std::string> short_content = {"Subject: x\r\n\r\n", ".hello\r\n"};

class SmtpClientTest : public testing::Test {
 protected:
  struct Plan {
    Script script;
    std::vector<std::string> content = short_content;
    std::uint64_t octets_more = 0;  ///< That the transaction claims.
    smtp::Protocol protocol = smtp::Protocol::smtp;
    bool by_unix_socket = false;
    std::vector<std::string> forward_paths = {"<x@z.test>"};
    std::uint64_t seed = 1;
    smtp::TlsPolicy tls = smtp::TlsPolicy::off;
  };

  static Attempted attempt(const Plan& plan) {
    sim::World world(plan.seed);
    sim::Machine& a = world.make_machine("a.test", {"192.0.2.1"});
    sim::Machine& z = world.make_machine("z.test", {"192.0.2.2"});
    sim::SimLoop& loop = a.make_loop("a");
    sim::SimLoop& peer_loop = plan.by_unix_socket ? loop : z.make_loop("z");
    engine::Timers timers(loop);
    engine::Timers peer_timers(peer_loop);
    const base::Endpoint endpoint{*base::IpAddress::parse("192.0.2.2"), 25};
    Peer peer(peer_loop, peer_timers, {plan.script});
    HostAddress host{"z.test", endpoint};
    if (plan.by_unix_socket) {
      host = {.name = {}, .endpoint = {}, .unix_path = "/lmtp"};
      peer.listen_unix(a.net(loop), "/lmtp");
    } else {
      peer.listen(z.net(peer_loop), endpoint);
    }
    Attempted out;
    base::Group group;
    const auto tls = a.tls().client_context("");
    loop.enter([&] { group.spawn(send(a.net(loop), timers, host, plan, *tls, out.outcome)); });
    EXPECT_EQ(world.run_while([&] { return group.size() > 0; }, 2h), sim::Ran::done);
    out.heard = peer.heard();
    peer_loop.enter([&] {
      peer.stop();
      peer_timers.stop();
    });
    loop.enter([&] { timers.stop(); });
    EXPECT_EQ(
        world.run_while([&] { return !peer.ended() || !timers.idle() || !peer_timers.idle(); }, 1h),
        sim::Ran::done);
    return out;
  }

  static base::Task<> send(sys::Net& net, engine::Timers& timers, HostAddress host, Plan plan,
                           std::shared_ptr<sys::TlsContext> tls, std::string& out) {
    SmtpClientOptions options;
    options.session.tls = plan.tls;
    options.tls = std::move(tls);
    options.session.helo = "a.test";
    options.session.protocol = plan.protocol;
    auto client = co_await SmtpClient::open(net, timers, std::move(host), std::move(options));
    if (!client) {
      out = std::string(client.error().permanent() ? "refused: " : "not open: ") +
            client.error().text + (client.error().tls_failed ? " (TLS)" : "");
      co_return;
    }
    Pieces content(plan.content);
    smtp::Transaction transaction;
    transaction.reverse_path = "<a@a.test>";
    transaction.forward_paths = plan.forward_paths;
    transaction.size = content.size() + plan.octets_more;
    const auto results = co_await (*client)->send(std::move(transaction), content);
    for (const smtp::RecipientResult& result : results) {
      if (!out.empty()) out += "; ";
      out += std::to_string(static_cast<int>(result.verdict)) + "@" +
             std::string(to_string(result.stage)) + " " +
             (result.reply ? smtp::one_line(*result.reply) : (*client)->closed_because());
    }
    co_await (*client)->quit();
  }

  /// Verdicts, as attempt() shows them.
  static std::string verdict(smtp::Verdict verdict) {
    return std::to_string(static_cast<int>(verdict));
  }
};

const std::string accepted = "0";
const std::string transient = "1";
const std::string permanent = "2";
const std::string lost = "4";
const std::string unknown = "5";

const Step hello = {"", "220 z.test\r\n"};
const Step ehlo = {"EHLO a.test\r\n", "250-z.test\r\n250 PIPELINING\r\n"};
const Step ehlo_chunking = {"EHLO a.test\r\n", "250-z.test\r\n250 CHUNKING\r\n"};
const Step go = {"DATA\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"};
const Step dot = {"\r\n.\r\n", "250 taken\r\n"};
const Step bye = {"QUIT\r\n", "221 bye\r\n"};

TEST_F(SmtpClientTest, numbers_of_verdicts) {
  EXPECT_EQ(verdict(smtp::Verdict::accepted), accepted);
  EXPECT_EQ(verdict(smtp::Verdict::transient), transient);
  EXPECT_EQ(verdict(smtp::Verdict::permanent), permanent);
  EXPECT_EQ(verdict(smtp::Verdict::lost), lost);
  EXPECT_EQ(verdict(smtp::Verdict::unknown), unknown);
}

TEST_F(SmtpClientTest, content_by_data_is_stuffed_and_gains_its_last_line_end) {
  const Attempted got = attempt(
      {.script = {{hello, ehlo, go, dot, bye}}, .content = {"Subject: x\r\n\r", "\n.hello"}});
  EXPECT_EQ(got.outcome, accepted + "@final dot 250 taken");
  EXPECT_EQ(got.heard,
            "EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<x@z.test>\r\nDATA\r\n"
            "Subject: x\r\n\r\n..hello\r\n.\r\nQUIT\r\n");
}

TEST_F(SmtpClientTest, content_by_bdat_goes_as_it_is) {
  const Attempted got = attempt({.script = {{hello,
                                             ehlo_chunking,
                                             {"MAIL FROM:<a@a.test>\r\n", "250 ok\r\n"},
                                             {"RCPT TO:<x@z.test>\r\n", "250 ok\r\n"},
                                             {".hello", "250 taken\r\n"},
                                             bye}},
                                 .content = {"Subject: x\r\n\r", "\n.hello"}});
  EXPECT_EQ(got.outcome, accepted + "@final dot 250 taken");
  EXPECT_EQ(got.heard,
            "EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<x@z.test>\r\n"
            "BDAT 20 LAST\r\nSubject: x\r\n\r\n.helloQUIT\r\n");
}

TEST_F(SmtpClientTest, content_of_another_size_than_bdat_said_is_not_ended) {
  for (const std::uint64_t more : {std::uint64_t{1}, ~std::uint64_t{0}}) {
    const Attempted got = attempt({.script = {{hello,
                                               ehlo_chunking,
                                               {"MAIL FROM:<a@a.test>\r\n", "250 ok\r\n"},
                                               {"RCPT TO:<x@z.test>\r\n", "250 ok\r\n"}},
                                              true},
                                   .octets_more = more});
    EXPECT_EQ(got.outcome, lost + "@content connection lost");
  }
}

TEST_F(SmtpClientTest, lmtp_by_a_socket_in_the_file_system) {
  const Attempted got =
      attempt({.script = {{hello,
                           {"LHLO a.test\r\n", "250-z.test\r\n250 PIPELINING\r\n"},
                           {"DATA\r\n", "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
                           {"\r\n.\r\n", "250 one\r\n552 5.2.2 full\r\n"},
                           bye}},
               .protocol = smtp::Protocol::lmtp,
               .by_unix_socket = true,
               .forward_paths = {"<x@z.test>", "<y@z.test>"}});
  EXPECT_EQ(got.outcome,
            accepted + "@final dot 250 one; " + permanent + "@final dot 552 5.2.2 full");
}

TEST_F(SmtpClientTest, a_refusal_before_the_connection_breaks_is_heard) {
  const std::vector<std::string> large(10, std::string(64'000, 'x') + "\r\n");
  const Step refusal = {"", "552 5.3.4 too large\r\n"};
  const Script by_data = {{hello, ehlo, go, refusal}};
  const Script by_bdat = {{hello,
                           ehlo_chunking,
                           {"MAIL FROM:<a@a.test>\r\n", "250 ok\r\n"},
                           {"RCPT TO:<x@z.test>\r\n", "250 ok\r\n"},
                           {"BDAT", ""},
                           refusal}};
  for (const Script& script : {by_data, by_bdat}) {
    // It closes without having read the content. That resets the connection, and may destroy what
    // has not been read yet [RFC1122 4.2.2.13].
    std::size_t heard = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const Attempted got = attempt({.script = script, .content = large, .seed = seed});
      const bool refused = got.outcome == permanent + "@content 552 5.3.4 too large";
      heard += refused ? 1 : 0;
      EXPECT_TRUE(refused || got.outcome == lost + "@content connection lost") << got.outcome;
    }
    EXPECT_GT(heard, 0u);
  }
  const Attempted silent = attempt({.script = {{hello, ehlo, go}}, .content = large});
  EXPECT_EQ(silent.outcome, lost + "@content connection lost");
}

// Hostile next hops.

struct Place {
  std::string_view name;
  std::vector<Step> before;  ///< Then comes what is hostile, where a reply is due.
  Step due;                  ///< What is heard before it.
  std::string_view verdict;  ///< Of a transaction that gets no reply that can be read.
};

const Place places[] = {
    {"greeting", {}, {"", ""}, ""},
    {"EHLO", {hello}, {"EHLO a.test\r\n", ""}, ""},
    {"MAIL", {hello, ehlo}, {"DATA\r\n", ""}, lost},
    {"RCPT", {hello, ehlo, {"DATA\r\n", "250 ok\r\n"}}, {"", ""}, lost},
    {"DATA", {hello, ehlo, {"DATA\r\n", "250 ok\r\n250 ok\r\n"}}, {"", ""}, lost},
    {"final dot", {hello, ehlo, go}, {"\r\n.\r\n", ""}, unknown},
};

std::string endless() {
  std::string out;
  for (int i = 0; i < 10'000; ++i) out += "250-and so on\r\n";
  return out;
}

struct Hostile {
  std::string_view name;
  std::string says;
  bool stays = false;
  std::string_view text;  ///< What is kept of it.
};

const Hostile hostile_cases[] = {
    {"closes", "", false, "connection lost"},
    {"says nothing", "", true, "timed out"},
    {"half a reply, then closes", "250-o", false, "connection lost"},
    {"half a reply, then nothing", "25", true, "timed out"},
    {"no digits", "hello there\r\n", true, "reply without a code"},
    {"one digit", "2\r\n", true, "reply without a code"},
    {"code 199", "199 x\r\n", true, "reply code out of range"},
    {"code 999", "999 x\r\n", true, "reply code out of range"},
    {"empty line", "\r\n", true, "reply without a code"},
    {"NUL", "\0\0\0\0"s, true, "reply without a code"},
    {"NUL behind the code", "250\0ok\r\n"s, true, "neither space nor hyphen after a reply code"},
    {"endless continuation", endless(), true, "reply of too many lines"},
    {"70,000 octets", "250 " + std::string(70'000, 'x') + "\r\n", true, "reply too long"},
    {"70,000 octets without a line end", std::string("250-") + std::string(70'000, 'x'), true,
     "reply too long"},
    {"two codes in one reply", "250-a\r\n550 b\r\n", true,
     "lines of one reply have different codes"},
    {"bare LF", "250 ok\n", true, "bare line feed in a reply"},
};

TEST_F(SmtpClientTest, what_is_no_reply_only_ever_defers) {
  for (const Place& place : places) {
    for (const Hostile& row : hostile_cases) {
      Script script{place.before, row.stays};
      script.steps.push_back({place.due.heard, row.says});
      const Attempted got = attempt({.script = script});
      const std::string want = place.verdict.empty()
                                   ? "not open: " + std::string(row.text)
                                   : std::string(place.verdict) + "@" + std::string(place.name) +
                                         " " + std::string(row.text);
      EXPECT_EQ(got.outcome, want) << place.name << ": " << row.name;
    }
  }
}

struct StartTlsCase {
  std::string_view name;
  std::string says;  ///< To STARTTLS.
  bool stays;
  std::string_view want;
};

const StartTlsCase starttls_cases[] = {
    {"a reply behind the 220", "220 go\r\n250 stray\r\n", true,
     "not open: octets in plain text before TLS (TLS)"},
    {"half a line behind the 220", "220 go\r\n2", true,
     "not open: octets in plain text before TLS (TLS)"},
    {"closes behind the 220", "220 go\r\n", false,
     "not open: TLS handshake: connection lost (TLS)"},
    {"closes", "", false, "not open: connection lost (TLS)"},
    {"says nothing", "", true, "not open: timed out (TLS)"},
    {"no reply", "go\r\n", true, "not open: reply without a code (TLS)"},
    {"another class", "354 go\r\n", true, "not open: 354 go (TLS)"},
    {"goes away", "421 4.3.2 not now\r\n", true, "not open: 421 4.3.2 not now"},
};

TEST_F(SmtpClientTest, what_is_said_to_starttls_tells_whether_it_might_work_without) {
  const Step ehlo_tls = {"EHLO a.test\r\n", "250-z.test\r\n250 STARTTLS\r\n"};
  for (const auto policy : {smtp::TlsPolicy::opportunistic, smtp::TlsPolicy::required}) {
    for (const StartTlsCase& row : starttls_cases) {
      const Script script{{hello, ehlo_tls, {"STARTTLS\r\n", row.says}}, row.stays};
      const Attempted got = attempt({.script = script, .tls = policy});
      EXPECT_EQ(got.outcome, row.want) << row.name;
      EXPECT_EQ(got.heard.find("MAIL"), std::string::npos) << row.name;
    }
  }
}

TEST_F(SmtpClientTest, a_reply_of_the_wrong_class_only_ever_defers) {
  for (const Place& place : places) {
    const std::string reply = place.name == "DATA" ? "250 x" : "354 x";
    Script script{place.before, true};
    script.steps.push_back({place.due.heard, reply + "\r\n"});
    const std::string want = place.verdict.empty() ? "not open: " + reply
                                                   : std::string(place.verdict) + "@" +
                                                         std::string(place.name) + " " + reply;
    EXPECT_EQ(attempt({.script = script}).outcome, want) << place.name;
  }
}

TEST_F(SmtpClientTest, what_is_kept_of_a_reply_is_escaped) {
  for (const Place& place : places) {
    for (const char* code : {"450", "550"}) {
      if (place.name == "EHLO" && *code == '5') continue;  // Then it is asked by HELO.
      Script script{place.before, true};
      script.steps.push_back({place.due.heard, code + " \x1b[2J\0\x07\r\xff{\"a\x7f\xc2\x85\r\n"s});
      const std::string got = attempt({.script = script}).outcome;
      EXPECT_TRUE(got.ends_with(code + R"( \x1b[2J\x00\x07\x0d\xff{"a\x7f\xc2\x85)"s))
          << place.name << ": " << got;
      EXPECT_TRUE(std::ranges::none_of(got, base::is_control)) << place.name;
    }
  }
}

TEST_F(SmtpClientTest, replies_too_many) {
  const struct {
    std::string_view name;
    std::vector<Step> steps;
    std::string want;
  } cases[] = {
      // It is taken for the reply to EHLO, and that one for MAIL's.
      {"behind the greeting",
       {{"", "220 z\r\n250 y\r\n"}, ehlo, go, dot},
       lost + "@RCPT timed out"},
      {"behind EHLO",
       {hello, {"EHLO a.test\r\n", "250 z\r\n250 again\r\n"}},
       "not open: 250 again"},
      {"behind MAIL",
       {hello, ehlo, {"DATA\r\n", "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"}},
       lost + "@DATA 250 ok"},
      {"behind DATA",
       {hello, ehlo, {"DATA\r\n", "250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n"}},
       lost + "@content 250 taken"},
      {"behind the final dot",
       {hello, ehlo, go, {"\r\n.\r\n", "250 taken\r\n250 again\r\n"}},
       accepted + "@final dot 250 taken"},
  };
  for (const auto& row : cases) {
    EXPECT_EQ(attempt({.script = {row.steps, true}}).outcome, row.want) << row.name;
  }
}

}  // namespace
}  // namespace delivery
