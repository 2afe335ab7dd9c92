#include <optional>

#include "smtp/server_transcript_testing.h"

// ETRN [RFC1985].
namespace smtp {
namespace {

using test::etrn_options;
using test::mx_options;

const test::Transcript transcripts[] = {
    {"offered, and answered", etrn_options, R"(
C: EHLO client
S: 250-mx.example
S: 250-PIPELINING
S: 250-SIZE 100
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250-DSN
S: 250-ENHANCEDSTATUSCODES
S: 250-STARTTLS
S: 250-ETRN
S: 250 LIMITS RCPTMAX=3
C: ETRN z.example
S: 253 2.0.0 3 pending messages for z.example started
C: etrn  @z.example 
S: 253 2.0.0 3 pending messages for @z.example started
C: ETRN none.example
S: 251 2.0.0 no messages waiting for none.example
C: ETRN #bulk
S: 250 2.0.0 queuing for #bulk started
C: ETRN away.example
S: 458 4.7.1 unable to queue messages for away.example now
C: ETRN x.example
S: 459 4.7.1 x.example not allowed
C: QUIT
S: 221 2.0.0 mx.example closing
X: quit
)"},
    {"what is no name", etrn_options, R"(
C: HELO client
S: 250 mx.example
C: ETRN
S: 501 5.5.4 argument missing
C: ETRN a b
S: 501 5.5.4 bad argument
C: ETRN @
S: 501 5.5.4 bad argument
C: ETRN #
S: 501 5.5.4 bad argument
C: ETRN ##x
S: 501 5.5.4 bad argument
C: ETRN [192.0.2.1]
S: 501 5.5.4 bad argument
C: ETRN z..example
S: 501 5.5.4 bad argument
C: ETRN \u.example
S: 501 5.5.4 bad argument
C: ETRN <z.example>
S: 501 5.5.4 bad argument
C: ETRN user@z.example
S: 501 5.5.4 bad argument
C: ETRN #a/../b
S: 501 5.5.4 bad argument
)"},
    {"not before HELO, and not within a transaction [RFC1985 5]", etrn_options, R"(
C: ETRN z.example
S: 503 5.5.1 bad sequence of commands
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
C: ETRN z.example
C: RCPT TO:<b@b.example>
C: ETRN z.example
C: RSET
C: ETRN z.example
S: 250 2.1.0 sender ok
S: 503 5.5.1 bad sequence of commands
S: 250 2.1.5 recipient ok
S: 503 5.5.1 bad sequence of commands
S: 250 2.0.0 reset
S: 253 2.0.0 3 pending messages for z.example started
)"},
    {"where it is not offered", mx_options, R"(
C: ETRN z.example
S: 502 5.5.1 not implemented
C: HELO client
S: 250 mx.example
C: ETRN z.example
S: 502 5.5.1 not implemented
)"},
};

TEST(server_etrn, transcripts) { test::expect_same_however_cut(transcripts); }

struct Row {
  std::string_view argument;
  std::optional<EtrnCommand::Kind> kind;
  std::string_view name = {};  ///< Without `@` and `#`.
};

constexpr Row rows[] = {
    {"z.example", EtrnCommand::Kind::node, "z.example"},
    {"Z.Example", EtrnCommand::Kind::node, "z.example"},
    {"@z.example", EtrnCommand::Kind::below, "z.example"},
    {"#bulk", EtrnCommand::Kind::queue, "bulk"},
    {"#a-B_9.c", EtrnCommand::Kind::queue, "a-B_9.c"},
    {"xn--fiqs8s.example", EtrnCommand::Kind::node, "xn--fiqs8s.example"},
    {"", std::nullopt},
    {"@", std::nullopt},
    {"#", std::nullopt},
    {"@@z.example", std::nullopt},
    {"@#z.example", std::nullopt},
    {"@ z.example", std::nullopt},
    {"#b ulk", std::nullopt},
    {"#\xc3\xa9", std::nullopt},
    {"z.example\t", std::nullopt},
    {"[IPv6:2001:db8::1]", std::nullopt},
    {"*.z.example", std::nullopt},
};

TEST(server_etrn, arguments) {
  for (const Row& row : rows) {
    const auto command = parse_etrn(row.argument);
    ASSERT_EQ(command.has_value(), row.kind.has_value()) << row.argument;
    if (!command) continue;
    EXPECT_EQ(command->kind, *row.kind) << row.argument;
    const bool is_queue = *row.kind == EtrnCommand::Kind::queue;
    EXPECT_EQ(is_queue ? command->queue : command->domain.canonical(), row.name) << row.argument;
  }
}

TEST(server_etrn, the_name_of_a_queue_has_a_bound) {
  const std::string most(queue_name_octets_max, 'q');
  EXPECT_TRUE(parse_etrn("#" + most).has_value());
  EXPECT_FALSE(parse_etrn("#" + most + "q").has_value());
  const std::string label(63, 'd');
  EXPECT_TRUE(parse_etrn(label + ".example").has_value());
  EXPECT_FALSE(parse_etrn(label + "d.example").has_value());
}

TEST(server_etrn, only_who_has_logged_in_where_that_is_needed) {
  ServerOptions options = test::submission_options();
  options.etrn = true;
  test::Driver driver(options);
  driver.feed("EHLO client\r\nETRN z.example\r\n");
  EXPECT_TRUE(driver.output.ends_with("530 5.7.0 authentication required\r\n")) << driver.output;
}

}  // namespace
}  // namespace smtp
