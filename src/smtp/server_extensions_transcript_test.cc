#include "smtp/server_transcript_testing.h"

// CHUNKING [RFC3030], DSN [RFC3461], SMTPUTF8 [RFC6531] and LMTP [RFC2033].
namespace smtp::test {
namespace {

const Transcript transcripts[] = {
    {"one chunk [RFC3030 4.1]", mx_options, R"(
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
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 15 LAST
c: Subject: x\r\n\r\ny
D: Subject: x\r\n\r\ny
S: 250 2.0.0 accepted as m1
C: QUIT
S: 221 2.0.0 mx.example closing
X: quit
)"},
    {"chunks in a pipeline, the last of them empty", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
C: RCPT TO:<b@b.example>
C: BDAT 4
c: x\r\n.
C: BDAT 3
c: \r\n.
C: BDAT 0
C: bdat 2
c: \r\n
C: BDAT 0 last
C: NOOP
S: 250 2.1.0 sender ok
S: 250 2.1.5 recipient ok
S: 250 2.0.0 4 octets received
S: 250 2.0.0 3 octets received
S: 250 2.0.0 0 octets received
S: 250 2.0.0 2 octets received
D: x\r\n.\r\n.\r\n
S: 250 2.0.0 accepted as m1
S: 250 2.0.0 ok
)"},
    {"commands within a chunk are content", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 37 LAST
c: .\r\nQUIT\r\nMAIL FROM:<evil@a.example>\r\n
D: .\r\nQUIT\r\nMAIL FROM:<evil@a.example>\r\n
S: 250 2.0.0 accepted as m1
)"},
    {"an empty message by BDAT", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 0 LAST
D:
S: 250 2.0.0 accepted as m1
)"},
    {"chunks out of order are thrown away", mx_options, R"(
C: BDAT 6
c: NOOP\r\n
S: 503 5.5.1 no valid recipients
C: HELO client
S: 250 mx.example
C: BDAT 6 LAST
c: NOOP\r\n
S: 503 5.5.1 no valid recipients
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: BDAT 6 LAST
c: NOOP\r\n
S: 503 5.5.1 no valid recipients
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 3 LAST
c: x\r\n
D: x\r\n
S: 250 2.0.0 accepted as m1
C: BDAT 6 LAST
c: NOOP\r\n
S: 503 5.5.1 no valid recipients
C: NOOP
S: 250 2.0.0 ok
)"},
    {"BDAT that cannot be read", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT
S: 501 5.5.4 argument missing
C: BDAT x
S: 501 5.5.4 bad argument
C: BDAT 1 FIRST
S: 501 5.5.4 bad argument
C: BDAT 1 LAST
c: x
D: x
S: 250 2.0.0 accepted as m1
)"},
    {"between chunks only chunks and RSET lead on", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 3
c: x\r\n
S: 250 2.0.0 3 octets received
C: DATA
S: 503 5.5.1 go on with BDAT, or give it up by RSET
C: MAIL FROM:<a@a.example>
S: 503 5.5.1 go on with BDAT, or give it up by RSET
C: RCPT TO:<c@b.example>
S: 503 5.5.1 go on with BDAT, or give it up by RSET
C: NOOP
S: 250 2.0.0 ok
C: RSET
S: 250 2.0.0 reset
C: BDAT 3 LAST
c: x\r\n
S: 503 5.5.1 no valid recipients
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go on, end with <CRLF>.<CRLF>
C: BDAT 3 LAST
C: .
D: BDAT 3 LAST\r\n
S: 250 2.0.0 accepted as m1
)"},
    {"chunks of message_size in all", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 50
c: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n
S: 250 2.0.0 50 octets received
C: BDAT 50 LAST
c: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n
D: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n
S: 250 2.0.0 accepted as m1
)"},
    {"one octet more, and what is behind it in the pipeline", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 50
c: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n
S: 250 2.0.0 50 octets received
C: BDAT 51
c: NOOP\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
S: 552 5.3.4 message too large
C: BDAT 6
c: QUIT\r\n
S: 503 5.5.1 no valid recipients
C: BDAT 6 LAST
c: QUIT\r\n
S: 503 5.5.1 no valid recipients
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 101 LAST
c: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nyxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n
S: 552 5.3.4 message too large
C: NOOP
S: 250 2.0.0 ok
)"},
    {"a chunk that nobody would read to its end", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 99999999999999999999 LAST
S: 552 5.3.4 message too large
X: message far too large
)"},
    {"no room for chunks", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<noroom@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 6
c: QUIT\r\n
S: 452 4.3.1 no room now, try again later
C: BDAT 6 LAST
c: QUIT\r\n
S: 503 5.5.1 no valid recipients
C: NOOP
S: 250 2.0.0 ok
)"},
    {"a CRLF cut by chunks is whole", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 2
c: x\r
S: 250 2.0.0 2 octets received
C: BDAT 2 LAST
c: \ny
D: x\r\ny
S: 250 2.0.0 accepted as m1
)"},
    {"a bare LF in a chunk: refused at the last one, and closed", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 3
c: a\nb
S: 250 2.0.0 3 octets received
C: BDAT 3
c: x\r\n
S: 250 2.0.0 3 octets received
C: BDAT 0 LAST
C: MAIL FROM:<a@a.example>
S: 550 5.6.0 bare CR or LF in the message
X: bare CR or LF
)"},
    {"a bare CR in a chunk: refused at the last one, and closed", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 3
c: a\rb
S: 250 2.0.0 3 octets received
C: BDAT 3
c: x\r\n
S: 250 2.0.0 3 octets received
C: BDAT 0 LAST
C: MAIL FROM:<a@a.example>
S: 550 5.6.0 bare CR or LF in the message
X: bare CR or LF
)"},
    {"a bare LF at the start in a chunk: refused at the last one, and closed", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 3
c: \nab
S: 250 2.0.0 3 octets received
C: BDAT 3
c: x\r\n
S: 250 2.0.0 3 octets received
C: BDAT 0 LAST
C: MAIL FROM:<a@a.example>
S: 550 5.6.0 bare CR or LF in the message
X: bare CR or LF
)"},
    {"a CR at the end of the last chunk is bare", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 2 LAST
c: x\r
C: NOOP
S: 550 5.6.0 bare CR or LF in the message
X: bare CR or LF
)"},
    {"a CR at the end of the last chunk but an empty one is bare, too", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 2
c: x\r
S: 250 2.0.0 2 octets received
C: BDAT 0 LAST
S: 550 5.6.0 bare CR or LF in the message
X: bare CR or LF
)"},
    {"a refusal of the driver after the last chunk", mx_options, R"(
C: HELO client
S: 250 mx.example
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 4 LAST
c: spam
S: 554 5.7.1 spam
C: NOOP
S: 250 2.0.0 ok
)"},
    {"DSN parameters", mx_options, R"(
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
C: MAIL FROM:<a@a.example> RET=HDRS ENVID=QQ+20314159
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob@Example.COM
S: 250 2.1.5 recipient ok
C: RCPT TO:<b@b.example> NOTIFY=NEVER,DELAY
S: 501 5.5.4 bad value of a parameter
C: RCPT TO:<b@b.example> ORCPT=Bob@Example.COM
S: 501 5.5.4 bad value of a parameter
C: RCPT TO:<b@b.example> NOTIFY=NEVER NOTIFY=NEVER
S: 501 5.5.4 parameter given twice
C: RSET
S: 250 2.0.0 reset
C: MAIL FROM:<a@a.example> RET=SOME
S: 501 5.5.4 bad value of a parameter
C: MAIL FROM:<a@a.example> ENVID=a+0D
S: 501 5.5.4 bad value of a parameter
C: MAIL FROM:<a@a.example> BODY=BINARYMIME
S: 501 5.5.4 bad value of a parameter
)"},
    {"SMTPUTF8: for one transaction", mx_options, R"(
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
C: RSET
S: 250 2.0.0 reset
C: MAIL FROM:<\u@a.example> SMTPUTF8
S: 250 2.1.0 sender ok
C: RCPT TO:<\u@\u.example> ORCPT=utf-8;\u@\u.example
S: 250 2.1.5 recipient ok
C: RSET
S: 250 2.0.0 reset
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<\u@b.example>
S: 553 5.6.7 non-ASCII address without SMTPUTF8
C: RCPT TO:<b@b.example> ORCPT=utf-8;\u@b.example
S: 501 5.5.4 bad parameter
)"},
    {"SMTPUTF8: with a value, and VRFY", mx_options, R"(
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
C: MAIL FROM:<a@a.example> SMTPUTF8=yes
S: 501 5.5.4 bad value of a parameter
C: VRFY \u
S: 553 5.6.7 non-ASCII address without SMTPUTF8
C: VRFY \u SMTPUTF8
S: 252 2.0.0 send some mail, I'll try to deliver it
C: EXPN \u SMTPUTF8
S: 502 5.5.1 not implemented
)"},
    {"LMTP: a reply for each recipient [RFC2033 4.2]", lmtp_options, R"(
C: LHLO client
S: 250-mx.example
S: 250-PIPELINING
S: 250-SIZE 100
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250-DSN
S: 250-ENHANCEDSTATUSCODES
S: 250 LIMITS RCPTMAX=3
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: RCPT TO:<unknown@b.example>
S: 550 5.1.1 no such mailbox here
C: RCPT TO:<c@b.example>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go on, end with <CRLF>.<CRLF>
C: x
C: .
D: x\r\n
S: 250 2.0.0 accepted as m1
S: 250 2.0.0 accepted as m1
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: RCPT TO:<c@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 2
c: sp
S: 250 2.0.0 2 octets received
C: BDAT 2 LAST
c: am
S: 554 5.7.1 spam
S: 554 5.7.1 spam
C: QUIT
S: 221 2.0.0 mx.example closing
X: quit
)"},
    {"LMTP: what is refused at the end of the content", lmtp_options, R"(
C: LHLO client
S: 250-mx.example
S: 250-PIPELINING
S: 250-SIZE 100
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250-DSN
S: 250-ENHANCEDSTATUSCODES
S: 250 LIMITS RCPTMAX=3
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: RCPT TO:<c@b.example>
S: 250 2.1.5 recipient ok
C: BDAT 101 LAST
c: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx
S: 552 5.3.4 message too large
S: 552 5.3.4 message too large
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: RCPT TO:<b@b.example>
S: 250 2.1.5 recipient ok
C: RCPT TO:<c@b.example>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go on, end with <CRLF>.<CRLF>
C: a\nb
C: .
S: 550 5.6.0 bare CR or LF in the message
S: 550 5.6.0 bare CR or LF in the message
X: bare CR or LF
)"},
    {"LMTP: the verbs of SMTP, and no recipient", lmtp_options, R"(
C: EHLO client
S: 500 5.5.1 unknown command
C: HELO client
S: 500 5.5.1 unknown command
C: LHLO
S: 501 5.5.4 argument missing
C: LHLO client
S: 250-mx.example
S: 250-PIPELINING
S: 250-SIZE 100
S: 250-8BITMIME
S: 250-CHUNKING
S: 250-SMTPUTF8
S: 250-DSN
S: 250-ENHANCEDSTATUSCODES
S: 250 LIMITS RCPTMAX=3
C: MAIL FROM:<a@a.example>
S: 250 2.1.0 sender ok
C: DATA
S: 503 5.5.1 no valid recipients
C: STARTTLS
S: 502 5.5.1 not implemented
C: AUTH PLAIN
S: 538 5.7.11 AUTH needs TLS: give STARTTLS first
)"},
    {"SMTP does not know LHLO", mx_options, R"(
C: LHLO client
S: 502 5.5.1 not implemented
)"},
};

TEST(server_extensions_transcript, is_the_same_however_the_input_is_cut) {
  expect_same_however_cut(transcripts);
}

}  // namespace
}  // namespace smtp::test
