#include "grammar/mime_seven_bit.h"

#include <gtest/gtest.h>

#include <string>

#include "base/ascii.h"
#include "grammar/mime_testing.h"

namespace grammar {
namespace {

using namespace std::string_literals;

/// `|` stands for CRLF, `~` for an octet beyond ASCII.
std::string text(std::string_view pattern) {
  std::string out;
  for (const char c : pattern) {
    if (c == '|') {
      out += "\r\n";
    } else if (c == '~') {
      out += '\xe4';
    } else {
      out += c;
    }
  }
  return out;
}

const std::string mime = "MIME-Version: 1.0|";
const std::string eight = "Content-Transfer-Encoding: 8bit|";
const std::string seven = "Content-Transfer-Encoding: 7bit|";
const std::string quoted = "Content-Transfer-Encoding: quoted-printable|";
const std::string base64 = "Content-Transfer-Encoding: base64|";
const std::string mixed = "Content-Type: multipart/mixed; boundary=b|";
const std::string html = "Content-Type: text/html|";

struct Converted {
  std::string_view name;
  std::string content;
  std::string want;
};

const Converted converted_cases[] = {
    {"US-ASCII stays as it is, MIME or not", "Subject: x||hello =20|", "Subject: x||hello =20|"},
    {"a text", mime + eight + "X: y||h~llo =|", mime + quoted + "X: y||h=E4llo =3D|"},
    {"the field stays where it was, and gets one spelling",
     "A: b|content-transfer-encoding:\r\n 8BIT (x)|" + mime + "|~|",
     "A: b|" + quoted + mime + "|=E4|"},
    {"without the field it goes to the end", mime + html + "|~|", mime + html + quoted + "|=E4|"},
    {"7bit that is none", mime + seven + "|~|", mime + quoted + "|=E4|"},
    {"mostly beyond ASCII", mime + eight + "|~~~~~~~~~~~~~|",
     mime + base64 + "|5OTk5OTk5OTk5OTk5A0K|"},
    {"no last line end", mime + eight + "|h~", mime + quoted + "|h=E4"},
    {"binary", mime + "Content-Transfer-Encoding: binary|Content-Type: image/png||\r~\n|",
     mime + base64 + "Content-Type: image/png||DeQKDQo=|"},
    {"the part alone that needs it",
     mime + mixed + eight + "|pre|--b|" + eight + "|plain|--b|" + html + eight + "|h~|--b--|post|",
     mime + mixed + seven + "|pre|--b|" + eight + "|plain|--b|" + html + quoted +
         "|h=E4|--b--|post|"},
    {"a part without fields", mime + mixed + "|--b||~|--b--|",
     mime + mixed + "|--b|" + quoted + "|=E4|--b--|"},
    {"an empty part before it", mime + mixed + "|--b|--b||~|--b--",
     mime + mixed + "|--b|--b|" + quoted + "|=E4|--b--"},
    {"a part in base64 ends as it did", mime + mixed + "|--b||~~~~~~~~|--b--|",
     mime + mixed + "|--b|" + base64 + "|5OTk5OTk5OQ=||--b--|"},
    {"multipart in multipart",
     mime + mixed + "|--b|Content-Type: multipart/alternative; boundary=\"c d\"|" + eight +
         "|--c d||~|--c d--||--b--|",
     mime + mixed + "|--b|Content-Type: multipart/alternative; boundary=\"c d\"|" + seven +
         "|--c d|" + quoted + "|=E4|--c d--||--b--|"},
    {"message in a message",
     mime + "Content-Type: message/rfc822|" + eight + "|Subject: in|" + mime + "|~|",
     mime + "Content-Type: message/rfc822|" + seven + "|Subject: in|" + mime + quoted + "|=E4|"},
    {"message in a part", mime + mixed + "|--b|Content-Type: message/rfc822||" + mime + "|~|--b--|",
     mime + mixed + "|--b|Content-Type: message/rfc822||" + mime + quoted + "|=E4|--b--|"},
    {"a digest [RFC2046 5.1.5]",
     mime + "Content-Type: multipart/digest; boundary=b||--b||" + mime + "|~|--b--|",
     mime + "Content-Type: multipart/digest; boundary=b||--b||" + mime + quoted + "|=E4|--b--|"},
    {"signed, but in US-ASCII, beside another part",
     mime + mixed +
         "|--b|Content-Type: multipart/signed; boundary=c||--c||x|--c||y|--c--|--b||~|"
         "--b--|",
     mime + mixed + "|--b|Content-Type: multipart/signed; boundary=c||--c||x|--c||y|--c--|--b|" +
         quoted + "|=E4|--b--|"},
    {"a signature of no message", mime + mixed + "|--b|DKIM-Signature: x||~|--b--|",
     mime + mixed + "|--b|DKIM-Signature: x|" + quoted + "|=E4|--b--|"},
};

TEST(mime_seven_bit, converts_as_in_the_table_and_decodes_to_what_it_was) {
  for (const Converted& row : converted_cases) {
    const std::string content = text(row.content);
    const auto got = to_seven_bit(content);
    ASSERT_TRUE(got) << row.name;
    EXPECT_EQ(*got, text(row.want)) << row.name;
    EXPECT_TRUE(base::is_ascii(*got)) << row.name;
    EXPECT_EQ(mime_test::decoded(*got), mime_test::decoded(content)) << row.name;
    EXPECT_EQ(to_seven_bit(*got), *got) << row.name;
  }
}

struct Refused {
  std::string_view name;
  std::string content;
};

const Refused refused_cases[] = {
    {"no MIME-Version", "Subject: x||~|"},
    {"two MIME-Versions", mime + mime + "|~|"},
    {"header section beyond ASCII", mime + "Subject: ~||~|"},
    {"header section alone beyond ASCII", mime + "Subject: ~||x|"},
    {"header section of a part beyond ASCII", mime + mixed + "|--b|X: ~||~|--b--|"},
    {"preamble", mime + mixed + "|~|--b||x|--b--|"},
    {"epilogue", mime + mixed + "|--b||x|--b--|~|"},
    {"no blank line", mime + "~|"},
    {"no blank line in a part", mime + mixed + "|--b|~|--b--|"},
    {"a line that is no field", mime + "what is this|X: y||~|"},
    {"quoted-printable that is none", mime + quoted + "|~|"},
    {"base64 that is none", mime + base64 + "|~|"},
    {"an encoding of its own", mime + "Content-Transfer-Encoding: x-mine||~|"},
    {"malformed encoding", mime + "Content-Transfer-Encoding: 8 bit||~|"},
    {"two encodings", mime + eight + eight + "|~|"},
    {"malformed type", mime + "Content-Type: text||~|"},
    {"two types", mime + html + html + "|~|"},
    {"multipart in quoted-printable", mime + mixed + quoted + "|--b||~|--b--|"},
    {"no boundary", mime + "Content-Type: multipart/mixed||--b||~|--b--|"},
    {"empty boundary", mime + "Content-Type: multipart/mixed; boundary=\"\"||--||~|----|"},
    {"boundary of 71 octets",
     mime + "Content-Type: multipart/mixed; boundary=" + std::string(71, 'b') + "||--" +
         std::string(71, 'b') + "||~|--" + std::string(71, 'b') + "--|"},
    {"not closed", mime + mixed + "|--b||~|"},
    {"no delimiter", mime + mixed + "|~|"},
    {"a line that begins as a delimiter", mime + mixed + "|--b||~|--bc||--b--|"},
    {"signed [RFC1847 2.1]",
     mime + "Content-Type: multipart/signed; boundary=b||--b||~|--b||s|--b--|"},
    {"signed within", mime + mixed +
                          "|--b|Content-Type: multipart/signed; boundary=c||--c||~|--c--|"
                          "--b--|"},
    {"encrypted", mime + "Content-Type: multipart/encrypted; boundary=b||--b||~|--b--|"},
    {"DKIM", "dkim-signature: v=1|" + mime + "|~|"},
    {"DomainKeys", "DomainKey-Signature: x|" + mime + "|~|"},
    {"ARC", "ARC-Seal: x|" + mime + "|~|"},
    {"DKIM of a message within",
     mime + "Content-Type: message/rfc822||DKIM-Signature: x|" + mime + "|~|"},
    {"a message within that is no MIME", mime + "Content-Type: message/rfc822||Subject: x||~|"},
    {"part of a message", mime + "Content-Type: message/partial||~|"},
    {"another kind of message", mime + "Content-Type: message/delivery-status||~|"},
};

TEST(mime_seven_bit, refuses_as_in_the_table) {
  for (const Refused& row : refused_cases) {
    EXPECT_EQ(to_seven_bit(text(row.content)), std::nullopt) << row.name;
  }
}

/// A message within a message within …
std::string nested(std::size_t depth) {
  std::string out;
  for (std::size_t i = 1; i < depth; ++i) out += mime + "Content-Type: message/rfc822||";
  return text(out + mime + "|~|");
}

TEST(mime_seven_bit, depth_at_the_limit_and_one_past) {
  EXPECT_TRUE(to_seven_bit(nested(mime_depth_max)));
  EXPECT_FALSE(to_seven_bit(nested(mime_depth_max + 1)));
}

TEST(mime_seven_bit, cut_at_each_octet_it_converts_or_refuses) {
  for (const Converted& row : converted_cases) {
    const std::string content = text(row.content);
    for (std::size_t size = 0; size < content.size(); ++size) {
      const auto got = to_seven_bit(content.substr(0, size));
      if (!got) continue;
      ASSERT_TRUE(base::is_ascii(*got));
      ASSERT_EQ(mime_test::decoded(*got), mime_test::decoded(content.substr(0, size)))
          << row.name << " cut at " << size;
    }
  }
}

TEST(mime_seven_bit, every_octet_comes_back) {
  std::string body;
  for (int i = 0; i < 256; ++i) body += static_cast<char>(i);
  for (const std::string& more : {""s, std::string(3'000, 'x'), std::string(3'000, '\xff')}) {
    const std::string content = text(mime + eight + "|") + body + more + "\r\n";
    const auto got = to_seven_bit(content);
    ASSERT_TRUE(got);
    EXPECT_TRUE(base::is_ascii(*got));
    EXPECT_EQ(mime_test::decoded(*got), mime_test::decoded(content));
    EXPECT_LT(got->size(), content.size() * 3 / 2);
  }
}

}  // namespace
}  // namespace grammar
