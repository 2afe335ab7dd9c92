#include "grammar/received.h"

#include <gtest/gtest.h>

#include "base/ascii.h"
#include "grammar/header.h"
#include "grammar/path.h"

namespace grammar {
namespace {

using namespace std::literals;

// Wed, 25 Nov 2026 03:28:30 +0000
constexpr base::WallTime date{std::chrono::milliseconds(1'795'577'310'123)};

ReceivedParts parts_of(std::string_view helo) {
  return {.helo = helo,
          .client = base::IpAddress::parse("192.0.2.1"),
          .by = "mx.example.org",
          .with = "ESMTP",
          .id = "0abc",
          .date = date};
}

TEST(Received, whole_field) {
  const auto recipient = *ForwardPath::parse("<@r:ann@a.example>");
  ReceivedParts parts = parts_of("client.example");
  parts.with = "ESMTPS";
  parts.tls = "TLSv1.3, TLS_AES_256_GCM_SHA384";
  parts.recipient = &recipient;
  EXPECT_EQ(received_field(parts),
            "Received: from client.example ([192.0.2.1]) by mx.example.org with ESMTPS\r\n"
            "\t(TLSv1.3, TLS_AES_256_GCM_SHA384) id 0abc for <ann@a.example>;\r\n"
            "\tWed, 25 Nov 2026 03:28:30 +0000\r\n");
}

TEST(Received, least_field) {
  EXPECT_EQ(received_field({.by = "a", .origin = "uid 1000", .id = "0abc", .date = date}),
            "Received: by a (uid 1000) id 0abc; Wed, 25 Nov 2026 03:28:30 +0000\r\n");
}

struct HeloCase {
  std::string_view name;
  std::string_view helo;
  std::string_view want;  ///< Up to "by".
};

const HeloCase helo_cases[] = {
    {"a domain", "a.example", "from a.example ([192.0.2.1])"},
    {"a literal", "[192.0.2.9]", "from [192.0.2.9] ([192.0.2.1])"},
    {"a U-label becomes an A-label", "b\xc3\xbc.example", "from xn--b-eha.example ([192.0.2.1])"},
    {"nothing", "", "from [192.0.2.1] ([192.0.2.1])"},
    {"two words", "a b", "from [192.0.2.1] ([192.0.2.1]) (HELO a b)"},
    {"a comment that ends early", "a) by evil (",
     "from [192.0.2.1] ([192.0.2.1]) (HELO a? by evil ?)"},
    {"a backslash", "a\\", "from [192.0.2.1] ([192.0.2.1]) (HELO a?)"},
    {"line ends", "a\r\nX: y", "from [192.0.2.1] ([192.0.2.1]) (HELO a??X: y)"},
    {"NUL and Latin-1", "a\0\xe9"sv, "from [192.0.2.1] ([192.0.2.1]) (HELO a?\?)"},
};

TEST(Received, helo_is_made_safe) {
  for (const HeloCase& row : helo_cases) {
    const std::string field = received_field(parts_of(row.helo));
    const std::string value = unfold(find_field(field, "Received")->value);
    std::string spaces = value;
    for (char& c : spaces) c = c == '\t' ? ' ' : c;
    EXPECT_TRUE(spaces.starts_with(std::string(row.want) + " by mx.example.org"))
        << row.name << value;
  }
}

TEST(Received, any_octet_of_helo_yields_one_ascii_field) {
  for (int octet = 0; octet < 256; ++octet) {
    const std::string helo = {'a', static_cast<char>(octet), 'b'};
    const std::string field = received_field(parts_of(helo));
    EXPECT_TRUE(base::is_ascii(field));
    HeaderFields fields(field);
    EXPECT_EQ(fields.next()->whole, field);
    for (const char c : field)
      EXPECT_TRUE(!base::is_control(c) || c == '\r' || c == '\n' || c == '\t');
    EXPECT_EQ(std::ranges::count(field, '('), std::ranges::count(field, ')'));
  }
}

TEST(Received, folds_long_names_and_cuts_long_comments) {
  std::string label(60, 'a');
  const std::string name = label + "." + label + "." + label + "." + label;
  const std::string field = received_field(parts_of(name));
  EXPECT_TRUE(field.starts_with("Received:\r\n\tfrom " + name + "\r\n\t([192.0.2.1])")) << field;
  const std::string cut = received_field(parts_of(std::string(2'000, ' ')));
  EXPECT_LT(cut.size(), 300u);
  EXPECT_NE(cut.find("...)"), std::string::npos);
}

TEST(Received, lines_stay_below_79_octets) {
  const auto recipient = *ForwardPath::parse("<somebody.with.a.long.name@department.a.example>");
  for (std::size_t length = 1; length < 60; ++length) {
    const std::string helo(length, 'h');
    ReceivedParts parts = parts_of(helo);
    parts.recipient = &recipient;
    std::string_view rest;
    const std::string field = received_field(parts);
    for (rest = field; !rest.empty();) {
      const std::size_t end = rest.find("\r\n");
      EXPECT_LE(end, 78u);
      rest.remove_prefix(end + 2);
    }
  }
}

TEST(Received, a_utf8_recipient_is_left_out) {
  ReceivedParts parts = parts_of("a");
  const auto utf8 = *ForwardPath::parse("<jos\xc3\xa9@a.example>");
  parts.recipient = &utf8;
  EXPECT_EQ(received_field(parts).find("for"), std::string::npos);
  const auto u_label = *ForwardPath::parse("<ann@b\xc3\xbc.example>");
  parts.recipient = &u_label;
  EXPECT_NE(received_field(parts).find("for <ann@xn--b-eha.example>;"), std::string::npos);
}

TEST(Protocol, names) {
  EXPECT_EQ(protocol_name({}), "SMTP");
  EXPECT_EQ(protocol_name({.tls = true, .authenticated = true}), "SMTP");
  EXPECT_EQ(protocol_name({.extended = true}), "ESMTP");
  EXPECT_EQ(protocol_name({.extended = true, .tls = true}), "ESMTPS");
  EXPECT_EQ(protocol_name({.extended = true, .authenticated = true}), "ESMTPA");
  EXPECT_EQ(protocol_name({.extended = true, .tls = true, .authenticated = true}), "ESMTPSA");
  EXPECT_EQ(protocol_name({.extended = true, .smtputf8 = true, .tls = true}), "UTF8SMTPS");
  EXPECT_EQ(protocol_name({.lmtp = true}), "LMTP");
  EXPECT_EQ(protocol_name({.lmtp = true, .tls = true, .authenticated = true}), "LMTPSA");
  EXPECT_EQ(protocol_name({.lmtp = true, .extended = true, .smtputf8 = true}), "UTF8LMTP");
}

}  // namespace
}  // namespace grammar
