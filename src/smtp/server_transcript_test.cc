#include "smtp/server_transcript_testing.h"

namespace smtp::test {
namespace {

const Transcript transcripts[] = {
    {"a message [RFC5321 D.1]", mx_options, R"(
C: EHLO client.example
S: 250-mx.example
S: 250-PIPELINING
S: 250-SIZE 100
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250-DSN
S: 250-ENHANCEDSTATUSCODES
S: 250-STARTTLS
S: 250 LIMITS RCPTMAX=3
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: RCPT TO:<unknown@b.example>
S: 550 5.1.1 no such mailbox here
C: RCPT TO:<later@b.example>
S: 451 4.3.0 later
C: DATA
S: 354 go on, end with <CRLF>.<CRLF>
C: Subject: x
C:
C: ..dot
C: .
D: Subject: x\r\n\r\n.dot\r\n
S: 250 2.0.0 accepted as m1
C: QUIT
S: 221 2.0.0 mx.example closing
X: quit
)"},
    {"HELO, null reverse-path, empty content", mx_options, R"(
C: helo client
S: 250 mx.example
C: mail from:<>
S: 250 2.1.0 sender ok
C: rcpt to:<Postmaster>
S: 250 2.1.5 recipient ok
C: data
S: 354 go on, end with <CRLF>.<CRLF>
C: .
D:
S: 250 2.0.0 accepted as m1
)"},
    {"spaces that many clients send", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:  <a@a.example>  SIZE=100  BODY=8bitmime 
S: 250 2.1.0 sender ok
C: RCPT TO: <b@b.example> 
S: 250 2.1.5 recipient ok
C: RSET  
S: 250 2.0.0 reset
)"},
    {"two transactions, the second refused", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go on, end with <CRLF>.<CRLF>
C: one
C: .
D: one\r\n
S: 250 2.0.0 accepted as m1
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go on, end with <CRLF>.<CRLF>
C: spam
C: .
S: 554 5.7.1 spam
C: RCPT TO:<b@b.example>
S: 503 5.5.1 bad sequence of commands
)"},
    {"out of order", mx_options, R"(
C: MAIL FROM:<a@a.example>
S: 503 5.5.1 bad sequence of commands
C: RCPT TO:<a@a.example>
S: 503 5.5.1 bad sequence of commands
C: DATA
S: 503 5.5.1 no valid recipients
C: HELO client
S: 250 mx.example
C: RCPT TO:<a@a.example>
S: 503 5.5.1 bad sequence of commands
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: MAIL FROM:<a@a.example>
S: 503 5.5.1 bad sequence of commands
C: DATA
S: 503 5.5.1 no valid recipients
C: RCPT TO:<unknown@b.example>
S: 550 5.1.1 no such mailbox here
C: DATA
S: 503 5.5.1 no valid recipients
C: EHLO again
S: 250-mx.example
S: 250-PIPELINING
S: 250-SIZE 100
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250-DSN
S: 250-ENHANCEDSTATUSCODES
S: 250-STARTTLS
S: 250 LIMITS RCPTMAX=3
C: RCPT TO:<a@a.example>
S: 503 5.5.1 bad sequence of commands
)"},
    {"commands that need nothing, and commands that we do not have", mx_options, R"(
C: NOOP
S: 250 2.0.0 ok
C: NOOP whatever
S: 250 2.0.0 ok
C: HELP
S: 214 2.0.0 see RFC 5321
C: HELP MAIL
S: 214 2.0.0 see RFC 5321
C: VRFY alice
S: 252 2.0.0 send some mail, I'll try to deliver it
C: VRFY
S: 501 5.5.4 argument missing
C: RSET
S: 250 2.0.0 reset
C: EXPN list
S: 502 5.5.1 not implemented
C: TURN
S: 502 5.5.1 not implemented
C: FOO
S: 500 5.5.1 unknown command
C:
S: 500 5.5.1 unknown command
C:  NOOP
S: 500 5.5.1 unknown command
C: NOOP\0
S: 500 5.5.1 unknown command
C: NOOP a\0b
S: 501 5.5.4 bad argument
C: QUIT now
S: 501 5.5.4 takes no argument
C: RSET now
S: 501 5.5.4 takes no argument
C: HELO
S: 501 5.5.4 argument missing
C: EHLO a\0b
S: 501 5.5.4 bad argument
C: quit
S: 221 2.0.0 mx.example closing
X: quit
)"},
    {"addresses and parameters that are refused", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL
S: 501 5.5.4 argument missing
C: MAIL TO:<a@a.example>
S: 501 5.5.4 FROM: expected
C: MAIL FROM:a@a.example
S: 501 5.5.4 syntax error: the path does not begin with <
C: MAIL FROM:<a@a.example
S: 501 5.5.4 syntax error: the path does not end with >
C: MAIL FROM:<a@a.example>x
S: 501 5.5.4 text after the path
C: MAIL FROM:<a..b@a.example>
S: 501 5.1.7 bad address: an atom of the local-part is empty
C: MAIL FROM:<\u@a.example>
S: 550 5.6.7 non-ASCII address without SMTPUTF8
C: MAIL FROM:<a@a.example> FOO=BAR
S: 555 5.5.4 unknown parameter
C: MAIL FROM:<a@a.example> AUTH=<>
S: 555 5.5.4 unknown parameter
C: MAIL FROM:<a@a.example> BODY=BINARYMIME
S: 501 5.5.4 bad value of a parameter
C: MAIL FROM:<a@a.example> SIZE=1 SIZE=1
S: 501 5.5.4 parameter given twice
C: MAIL FROM:<a@a.example> =
S: 501 5.5.4 bad parameter
C: MAIL FROM:<a@a.example> SIZE=101
S: 552 5.3.4 message too large
C: MAIL FROM:<a@a.example> SIZE=99999999999999999999
S: 552 5.3.4 message too large
)"},
    {"recipients that are refused", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example> SIZE=100
S: 250 2.1.0 sender ok
C: RCPT FROM:<b@b.example>
S: 501 5.5.4 TO: expected
C: RCPT TO:<>
S: 501 5.1.3 bad address: <> is not a recipient
C: RCPT TO:<b@b.example> FOO
S: 555 5.5.4 unknown parameter
C: RCPT TO:<\u@b.example>
S: 553 5.6.7 non-ASCII address without SMTPUTF8
C: RCPT TO:<b@b.example
S: 501 5.5.4 syntax error: the path does not end with >
C: RCPT TO:<b@-b.example>
S: 501 5.1.3 bad address: a label of the domain begins or ends with a hyphen
)"},
    {"answers of the driver get the code that they lack", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<plain@a.example>
S: 550-5.0.0 no code
S: 550 5.0.0 of mine
C: MAIL FROM:<later@a.example>
S: 451 4.3.0 later
C: MAIL FROM:<away@a.example>
S: 421 4.3.2 away
X: refused
)"},
    {"no room for content", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<noroom@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: DATA
S: 452 4.3.1 no room now, try again later
C: RCPT TO:<b@b.example>
S: 503 5.5.1 bad sequence of commands
)"},
    {"recipients up to the limit, and the first beyond", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: RCPT TO:<unknown@b.example>
S: 550 5.1.1 no such mailbox here
C: RCPT TO:<c@b.example>
S: 250 2.1.5 recipient ok
C: RCPT TO:<d@b.example>
S: 250 2.1.5 recipient ok
C: RCPT TO:<e@b.example>
S: 452 4.5.3 too many recipients
C: DATA
S: 354 go on, end with <CRLF>.<CRLF>
C: x
C: .
D: x\r\n
S: 250 2.0.0 accepted as m1
)"},
    {"content of message_size, without the dots that were added", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go on, end with <CRLF>.<CRLF>
C: ..234567890123456789012345678901234567890123456789
C: 12345678901234567890123456789012345678901234567
C: .
D: .234567890123456789012345678901234567890123456789\r\n12345678901234567890123456789012345678901234567\r\n
S: 250 2.0.0 accepted as m1
)"},
    {"content of one octet more", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go on, end with <CRLF>.<CRLF>
C: 1234567890123456789012345678901234567890123456789
C: 123456789012345678901234567890123456789012345678
C: .
S: 552 5.3.4 message too large
C: NOOP
S: 250 2.0.0 ok
)"},
    {"bare LF in content", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go on, end with <CRLF>.<CRLF>
C: one\n.
C: MAIL FROM:<smuggled@a.example>
C: .
S: 550 5.6.0 bare CR or LF in the message
X: bare CR or LF
C: MAIL FROM:<a@a.example>
)"},
    {"bare LF ends no command", mx_options, R"(
C: HELO client\nNOOP
S: 500 5.5.2 bare CR or LF
X: bare CR or LF
C: NOOP
)"},
    {"bare CR ends no command", mx_options, R"(
C: NOOP\rNOOP
S: 500 5.5.2 bare CR or LF
X: bare CR or LF
)"},
    {"two CR", mx_options, R"(
C: NOOP\r
S: 500 5.5.2 bare CR or LF
X: bare CR or LF
)"},
    {"an HTTP request", mx_options, R"(
C: POST / HTTP/1.1
X: another protocol
C: Host: mx.example
C:
C: EHLO x
C: MAIL FROM:<a@a.example>
)"},
    {"an HTTP request with bare LF", mx_options, R"(
C: GET / HTTP/1.0\nHost: mx.example\n
X: another protocol
)"},
    {"a TLS handshake on a plain port", mx_options, R"(
c: \d\0\nEHLO x
X: another protocol
)"},
    {"STARTTLS forgets", mx_options, R"(
C: STARTTLS
S: 503 5.5.1 bad sequence of commands
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
S: 250 LIMITS RCPTMAX=3
C: STARTTLS now
S: 501 5.5.4 takes no argument
C: STARTTLS
S: 220 2.0.0 ready for TLS
T:
C: MAIL FROM:<a@a.example>
S: 503 5.5.1 bad sequence of commands
C: EHLO client
S: 250-mx.example
S: 250-PIPELINING
S: 250-SIZE 100
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250-DSN
S: 250-ENHANCEDSTATUSCODES
S: 250 LIMITS RCPTMAX=3
C: STARTTLS
S: 503 5.5.1 bad sequence of commands
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
S: 503 5.5.1 AUTH is not possible here or now
)"},
    {"input behind STARTTLS", mx_options, R"(
C: HELO client
S: 250 mx.example
C: STARTTLS
S: 220 2.0.0 ready for TLS
C: MAIL FROM:<a@a.example>
X: input after STARTTLS
)"},
    {"STARTTLS without a certificate", sandbox_options, R"(
C: HELO client
S: 250 mx.example
C: STARTTLS
S: 502 5.5.1 not implemented
)"},
    {"submission: AUTH after STARTTLS alone, MAIL after AUTH alone", submission_options, R"(
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
S: 250 LIMITS RCPTMAX=3
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
S: 538 5.7.11 AUTH needs TLS: give STARTTLS first
C: MAIL FROM:<a@a.example>
S: 530 5.7.0 authentication required
C: STARTTLS
S: 220 2.0.0 ready for TLS
T:
C: EHLO client
S: 250-mx.example
S: 250-PIPELINING
S: 250-SIZE 100
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250-DSN
S: 250-ENHANCEDSTATUSCODES
S: 250-AUTH PLAIN LOGIN
S: 250 LIMITS RCPTMAX=3
C: MAIL FROM:<a@a.example>
S: 530 5.7.0 authentication required
C: auth plain AGFsaWNlAHNlY3JldA==
S: 235 2.7.0 authenticated
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
S: 503 5.5.1 AUTH is not possible here or now
C: MAIL FROM:<a@a.example> AUTH=b+40b.example
S: 250 2.1.0 sender ok
C: AUTH LOGIN
S: 503 5.5.1 AUTH is not possible here or now
)"},
    {"submissions: exchanges that succeed and fail", submissions_options, R"(
C: AUTH PLAIN
S: 503 5.5.1 AUTH is not possible here or now
C: HELO client
S: 250 mx.example
C: AUTH
S: 501 5.5.4 argument missing
C: AUTH CRAM-MD5
S: 504 5.5.4 unknown mechanism
C: AUTH PLAIN A
S: 501 5.5.2 bad base64
C: AUTH PLAIN =
S: 535 5.7.8 authentication failed
C: AUTH PLAIN
S: 334 
C: *
S: 501 5.7.0 cancelled
C: AUTH PLAIN
S: 334 
C: ?
S: 501 5.5.2 bad base64
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: YWxpY2U=
S: 334 UGFzc3dvcmQ6
C: c2VjcmVU
S: 535 5.7.8 authentication failed
C: AUTH LOGIN YWxpY2U=
S: 334 UGFzc3dvcmQ6
C: c2VjcmV0
S: 235 2.7.0 authenticated
)"},
    {"bare LF in an exchange", submissions_options, R"(
C: HELO client
S: 250 mx.example
C: AUTH PLAIN
S: 334 
C: AGFsaWNl\nAHNlY3JldA==
S: 500 5.5.2 bare CR or LF
X: bare CR or LF
)"},
    {"AUTH on the mx listener of the sandbox", sandbox_mx_options, R"(
C: EHLO client
S: 250-mx.example
S: 250-PIPELINING
S: 250-SIZE 100
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250-DSN
S: 250-ENHANCEDSTATUSCODES
S: 250 LIMITS RCPTMAX=3
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
S: 503 5.5.1 AUTH is not possible here or now
)"},
    {"AUTH on an mx listener before TLS", mx_options, R"(
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
S: 250 LIMITS RCPTMAX=3
C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
S: 538 5.7.11 AUTH needs TLS: give STARTTLS first
)"},
};

TEST(server_transcript, is_the_same_however_the_input_is_cut) {
  expect_same_however_cut(transcripts);
}

/// The last digit of the class stands in all lines but the greeting, HELO's and EHLO's.
TEST(server_transcript, replies_carry_enhanced_codes_of_their_class) {
  for (const Transcript& transcript : transcripts) {
    const Script script = parse_script(transcript.text);
    std::string_view output = script.output;
    while (!output.empty()) {
      std::string_view line = output.substr(0, output.find("\r\n"));
      output.remove_prefix(line.size() + 2);
      const char reply_class = line[0];
      const bool is_hello = line.starts_with("250 mx.example") || line.starts_with("250-");
      if (reply_class == '3' || is_hello || line.starts_with("250 LIMITS")) continue;
      line.remove_prefix(4);
      const auto enhanced = take_enhanced_status(line);
      ASSERT_TRUE(enhanced) << transcript.name << ": " << line;
      EXPECT_EQ(enhanced->class_digit, reply_class - '0') << line;
    }
  }
}

}  // namespace
}  // namespace smtp::test
