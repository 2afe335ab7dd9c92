#include <gtest/gtest.h>

#include "base/address.h"
#include "base/base64.h"
#include "base/codec.h"
#include "base/crc32c.h"
#include "base/escape.h"
#include "base/id.h"

namespace base {
namespace {

using namespace std::literals;

TEST(Crc32c, known_sums_and_parts) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);  // [RFC3720 B.4]
  const std::string whole = "the quick brown fox jumps over the lazy dog";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    EXPECT_EQ(crc32c(whole.substr(cut), crc32c(whole.substr(0, cut))), crc32c(whole));
  }
}

TEST(Base64, vectors_and_refusals) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\0\xff"sv, "AP8="},
  };
  for (const auto& [plain, encoded] : cases) {
    EXPECT_EQ(base64_encode(plain), encoded);
    EXPECT_EQ(base64_decode(encoded), plain);
  }
  for (const auto bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zm8 ", "Zm9v\n"}) {
    EXPECT_FALSE(base64_decode(bad)) << bad;
  }
}

TEST(Escape, peer_text) {
  EXPECT_EQ(escaped("plain text"), "plain text");
  EXPECT_EQ(escaped("a\r\n\0\x7f\xff"sv), "a\\x0d\\x0a\\x00\\x7f\\xff");
  EXPECT_EQ(escaped("h\xc3\xa9 \xc2\x9b"), "h\xc3\xa9 \\xc2\\x9b") << "C1 controls move terminals";
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(escaped("\xe2\x80\xae"
                    "gnp"),
            "\\xe2\\x80\\xaegnp")
      << "right to left";
  EXPECT_EQ(escaped("\xe2\x80\xa8\xe2\x81\xa9"), "\\xe2\\x80\\xa8\\xe2\\x81\\xa9");
  EXPECT_EQ(escaped("\xe2\x80\x93\xe2\x80\xaf\xe2\x81\xa5"),
            "\xe2\x80\x93\xe2\x80\xaf\xe2\x81\xa5");
  EXPECT_EQ(escaped("abcdef", 3), "abc…");
  EXPECT_EQ(json_quoted("a\"\\\n\xff"), "\"a\\\"\\\\\\u000a\xef\xbf\xbd\"");
}

TEST(MessageId, text_form_sorts_as_time) {
  const MessageId first = next_message_id({}, WallTime(std::chrono::milliseconds(1'000)), 77);
  const MessageId second = next_message_id(first, WallTime(std::chrono::milliseconds(1'000)), 77);
  const MessageId back = next_message_id(second, WallTime(std::chrono::milliseconds(10)), 77);
  EXPECT_LT(first, second);
  EXPECT_LT(second, back) << "a clock that goes back never repeats an id";
  EXPECT_LT(to_string(first), to_string(second));
  EXPECT_EQ(parse_message_id(to_string(back)), back);
  EXPECT_EQ(parse_message_id(to_string({~0ull}))->value, ~0ull);
  for (const auto bad : {"", "0123456789abc0", "u123456789abc", "zzzzzzzzzzzzz"}) {
    EXPECT_FALSE(parse_message_id(bad)) << bad;
  }
}

TEST(Address, spellings) {
  for (const auto text : {"192.0.2.1", "::1", "2001:db8::1", "0.0.0.0"}) {
    ASSERT_TRUE(IpAddress::parse(text)) << text;
    EXPECT_EQ(IpAddress::parse(text)->to_string(), text);
  }
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.1"), IpAddress::parse("192.0.2.1"));
  for (const auto text : {"", "1.2.3", "01.2.3.4", "1.2.3.4 ", "::1%lo", "[::1]"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_EQ(Endpoint::parse("[::1]:25")->to_string(), "[::1]:25");
  EXPECT_EQ(Endpoint::parse("127.0.0.1:2525")->to_string(), "127.0.0.1:2525");
  for (const auto text : {"::1:25", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "[127.0.0.1]:25",
                          "127.0.0.1:+1", "host:25"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

TEST(Network, blocks) {
  const auto contains = [](std::string_view network, std::string_view address) {
    return Network::parse(network)->contains(*IpAddress::parse(address));
  };
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("0.0.0.0/0", "192.0.2.1"));
  EXPECT_FALSE(contains("0.0.0.0/0", "::1"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("::1", "::1"));
  for (const auto text : {"10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/a", ""}) {
    EXPECT_FALSE(Network::parse(text)) << text;
  }
}

TEST(Codec, short_input_fails_once_and_for_all) {
  std::string out;
  Encoder encoder(out);
  encoder.number(std::uint64_t{0x0102030405060708});
  encoder.text("abc");
  for (std::size_t cut = 0; cut <= out.size(); ++cut) {
    Decoder decoder(std::string_view(out).substr(0, cut));
    (void)decoder.number<std::uint64_t>();
    (void)decoder.text();
    EXPECT_EQ(decoder.ok(), cut == out.size()) << cut;
  }
}

TEST(Time, spellings) {
  const WallTime time(std::chrono::milliseconds(1'795'577'310'123));
  EXPECT_EQ(rfc3339(time), "2026-11-25T03:28:30.123Z");
  EXPECT_EQ(rfc5322_date(time), "Wed, 25 Nov 2026 03:28:30 +0000");
}

}  // namespace
}  // namespace base
