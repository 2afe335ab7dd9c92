#include "grammar/mime.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "grammar/mime_encoding.h"
#include "grammar/mime_testing.h"

namespace grammar {
namespace {

using namespace std::string_literals;

std::string show(const std::optional<MediaType>& type) {
  if (!type) return "malformed";
  std::string out = type->type + "/" + type->subtype;
  for (const auto& [name, value] : type->parameters) out += " " + name + "=[" + value + "]";
  return out;
}

struct TypeCase {
  std::string_view name;
  std::string value;
  std::string_view want;
};

const TypeCase type_cases[] = {
    {"alone", " text/plain", "text/plain"},
    {"case", " Text/HTML; CharSet=UTF-8", "text/html charset=[UTF-8]"},
    {"quoted", " multipart/mixed; boundary=\"a b=\\\"c\\\\\"",
     "multipart/mixed boundary=[a b=\"c\\]"},
    {"folded", " multipart/mixed;\r\n\tboundary=\"ab\r\n c\"", "multipart/mixed boundary=[ab c]"},
    {"comments", " (a (b) \\) c) text (d) / (e) plain (f) ; (g) a (h) = (i) b (j)",
     "text/plain a=[b]"},
    {"two of one name", " a/b; x=1; x=2", "a/b x=[1] x=[2]"},
    {"a semicolon at the end", " text/plain;", "text/plain"},
    {"empty quoted value", " a/b; x=\"\"", "a/b x=[]"},

    {"empty", "", "malformed"},
    {"no subtype", " text", "malformed"},
    {"no subtype behind the slash", " text/", "malformed"},
    {"no type", " /plain", "malformed"},
    {"text behind", " text/plain charset=x", "malformed"},
    {"no value", " a/b; x", "malformed"},
    {"no value behind the sign", " a/b; x=", "malformed"},
    {"unclosed quotes", " a/b; x=\"y", "malformed"},
    {"backslash at the end", " a/b; x=\"y\\", "malformed"},
    {"unclosed comment", " a/b (x", "malformed"},
    {"octet beyond ASCII", " a/b\xe4", "malformed"},
    {"NUL", " a/b\0"s, "malformed"},
};

TEST(mime, media_types_are_read_as_in_the_table) {
  for (const TypeCase& row : type_cases) {
    EXPECT_EQ(show(parse_media_type(row.value)), row.want) << row.name;
  }
}

TEST(mime, transfer_encodings) {
  EXPECT_EQ(parse_transfer_encoding(" 7bit"), TransferEncoding::seven_bit);
  EXPECT_EQ(parse_transfer_encoding(" 8BIT "), TransferEncoding::eight_bit);
  EXPECT_EQ(parse_transfer_encoding("\r\n Binary (x)"), TransferEncoding::binary);
  EXPECT_EQ(parse_transfer_encoding("Quoted-Printable"), TransferEncoding::quoted_printable);
  EXPECT_EQ(parse_transfer_encoding("base64"), TransferEncoding::base64);
  EXPECT_EQ(parse_transfer_encoding("x-uuencode"), TransferEncoding::other);
  EXPECT_EQ(parse_transfer_encoding(""), std::nullopt);
  EXPECT_EQ(parse_transfer_encoding("8bit 7bit"), std::nullopt);
  EXPECT_EQ(parse_transfer_encoding("8bit;"), std::nullopt);
}

std::string split(std::string_view body) {
  MultipartPieces pieces(body, "b");
  std::string out;
  while (const auto piece = pieces.next()) {
    out += "[" + std::string(piece->text) + "]";
    if (piece->closing) return out + "/" + std::string(pieces.rest());
  }
  return out + "!";
}

TEST(mime, multiparts_are_split_as_in_the_table) {
  const struct {
    std::string_view name, body, want;
  } cases[] = {
      {"two parts", "p\r\n--b\r\nx\r\n--b\r\ny\r\n--b--\r\ne", "[p][\r\nx][\r\ny]/\r\ne"},
      {"no preamble, no epilogue", "--b\r\nx\r\n--b--", "[][\r\nx]/"},
      {"spaces behind", "--b \t\r\nx\r\n--b-- \r\n", "[][\r\nx]/\r\n"},
      {"an empty part", "--b\r\n\r\n--b--", "[][\r\n]/"},
      {"delimiters that share their CRLF", "--b\r\n--b--", "[][]/"},
      {"not at the start of a line", "--b\r\nx--b\r\n\r\n--b--", "[][\r\nx--b\r\n]/"},
      {"behind a bare LF", "--b\r\nx\n--b\r\n--b--", "[][\r\nx\n--b]/"},

      {"nothing", "", "!"},
      {"no delimiter", "x", "!"},
      {"not closed", "--b\r\nx", "[]!"},
      {"not closed, cut in the delimiter", "--b\r\nx\r\n--b", "[]!"},
      {"a longer one", "--b\r\nx\r\n--bc\r\n--b--", "[]!"},
      {"one hyphen", "--b\r\nx\r\n--b-\r\n--b--", "[]!"},
      {"text behind the closing one", "--b\r\nx\r\n--b--x\r\n", "[]!"},
      {"bare LF behind", "--b\nx\r\n--b--", "!"},
      {"bare LF behind the closing one", "--b\r\nx\r\n--b--\n", "[]!"},
  };
  for (const auto& row : cases) EXPECT_EQ(split(row.body), row.want) << row.name;
}

std::string in_quoted(std::string_view body) {
  std::string out;
  append_quoted_printable(body, out);
  return out;
}

TEST(mime, quoted_printable) {  // [RFC2045 6.7]
  const struct {
    std::string_view name, body, want;
  } cases[] = {
      {"empty", "", ""},
      {"ASCII stays", "a, b!~\r\nc", "a, b!~\r\nc"},
      {"equal sign", "a=b", "a=3Db"},
      {"beyond ASCII", "\xc3\xa4\xff", "=C3=A4=FF"},
      {"space inside", "a b\tc", "a b\tc"},
      {"space at the end of a line", "a \r\nb\t\r\n \r\n", "a=20\r\nb=09\r\n=20\r\n"},
      {"space at the very end", "a ", "a=20"},
      {"controls", "\x01\x7f", "=01=7F"},
      {"bare CR and LF", "a\rb\nc\r\r\n", "a=0Db=0Ac=0D\r\n"},
      {"dots stay", ".\r\n..", ".\r\n.."},
  };
  for (const auto& row : cases) {
    EXPECT_EQ(in_quoted(row.body), row.want) << row.name;
    EXPECT_EQ(mime_test::decode_quoted_printable(row.want), row.body) << row.name;
    EXPECT_EQ(quoted_printable_octets(row.body), row.want.size()) << row.name;
  }
}

TEST(mime, lines_of_quoted_printable_have_at_most_76_octets) {
  const std::string x(75, 'x');
  EXPECT_EQ(in_quoted(x), x);
  EXPECT_EQ(in_quoted(x + "y"), x + "=\r\ny");
  EXPECT_EQ(in_quoted(x + "\r\ny"), x + "\r\ny");
  EXPECT_EQ(in_quoted(std::string(73, 'x') + "="), std::string(73, 'x') + "=\r\n=3D");
  EXPECT_EQ(in_quoted(std::string(72, 'x') + "="), std::string(72, 'x') + "=3D");
  EXPECT_EQ(in_quoted(std::string(75, 'x') + " "), x + "=\r\n=20");
  for (const std::size_t octets : {1u, 73u, 74u, 75u, 76u, 77u, 200u, 5'000u}) {
    for (const char c : {'x', '=', ' '}) {
      const std::string body(octets, c);
      const std::string out = in_quoted(body);
      EXPECT_LE(out.size(), quoted_printable_octets(body));
      EXPECT_EQ(mime_test::decode_quoted_printable(out), body);
    }
  }
}

TEST(mime, base64_lines) {  // [RFC2045 6.8]
  const auto encoded = [](std::string_view body) {
    std::string out;
    append_base64(body, out);
    EXPECT_EQ(base64_octets(body), out.size());
    EXPECT_EQ(mime_test::decode_base64(out), body);
    return out;
  };
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("a"), "YQ==\r\n");
  EXPECT_EQ(encoded(std::string(57, '\0')), std::string(76, 'A') + "\r\n");
  EXPECT_EQ(encoded(std::string(58, '\0')), std::string(76, 'A') + "\r\nAA==\r\n");
  EXPECT_EQ(encoded("\r\n"), "DQo=\r\n");
}

}  // namespace
}  // namespace grammar
