#include "route/target.h"

#include <gtest/gtest.h>

#include "base/address.h"

namespace route {
namespace {

TEST(Target, parses_and_prints) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"smtp://gateway.example:2525", "smtp://gateway.example:2525"},
      {"smtp://Gateway.Example", "smtp://gateway.example:25"},
      {"smtps://gateway.example", "smtps://gateway.example:465"},
      {"smtp://localhost:1", "smtp://localhost:1"},
      {"smtp://127.0.0.1:65535", "smtp://127.0.0.1:65535"},
      {"smtp://[::1]:2525", "smtp://[::1]:2525"},
      {"smtp://[2001:DB8::1]", "smtp://[2001:db8::1]:25"},
      {"smtp://m\xc3\xbcller.example", "smtp://xn--mller-kva.example:25"},
      {"smtp://a.example,b.example:2525", "smtp://a.example:25,b.example:2525"},
      {"smtp://a.example, smtp://b.example:2525", "smtp://a.example:25,b.example:2525"},
      {"smtps://a.example,smtps://[::1]", "smtps://a.example:465,[::1]:465"},
      {"smtp://a.example,a.example:26", "smtp://a.example:25,a.example:26"},
      {"lmtp:a.example,lmtp:127.0.0.1:2424", "lmtp:a.example:24,127.0.0.1:2424"},
      {"lmtp:unix:/run/a,b", "lmtp:unix:/run/a,b"},
      {"lmtp:mail.example", "lmtp:mail.example:24"},
      {"lmtp:127.0.0.1:2424", "lmtp:127.0.0.1:2424"},
      {"lmtp:unix:/run/lmtp", "lmtp:unix:/run/lmtp"},
      {"pipe:/usr/bin/x {local} -f {sender}", "pipe:/usr/bin/x {local} -f {sender}"},
      {"maildir:/var/mail/{domain}/{local}", "maildir:/var/mail/{domain}/{local}"},
      {"mbox:/var/mail/{local}", "mbox:/var/mail/{local}"},
      {"reject:go away", "reject:go away"},
      {"discard:", "discard:"},
      {"mx:", "mx:"},
  };
  for (const auto& [text, want] : cases) {
    const auto target = parse_target(text);
    ASSERT_TRUE(target) << text << ": " << target.error().message;
    EXPECT_EQ(target->print(), want);
    EXPECT_EQ(parse_target(target->print()).value(), *target) << text;
  }
  EXPECT_EQ(parse_target("smtp://[::1]:2525")->hosts[0].host.address(),
            base::IpAddress::parse("::1"));
}

TEST(Target, texts_that_are_none) {
  const std::string_view cases[] = {
      "",
      "smtp:",
      "smtp:host",
      "smtp://",
      "smtp://:25",
      "smtp://host:",
      "smtp://host:0",
      "smtp://host:65536",
      "smtp://host:25x",
      "smtp://host:-1",
      "smtp://host:25:25",
      "smtp://host/",
      "smtp://user@host",
      "smtp://::1",
      "smtp://::1:25",
      "smtp://[::1",
      "smtp://[::1]25",
      "smtp://[127.0.0.1]:25",
      "smtp://[]:25",
      "smtp://a..b",
      "smtp://a,",
      "smtp://,a",
      "smtp://a,,b",
      "smtp://a;b",
      "smtp://a,smtps://b",
      "smtp://a,mx:",
      "smtp://a,A:25",
      "lmtp:a,lmtp:unix:/run/l",
      "smtp://ho st",
      "SMTP://host",
      "lmtp:",
      "lmtp:unix:",
      "lmtp:unix:relative",
      "pipe:",
      "pipe:  ",
      "maildir:",
      "mbox:",
      "reject:",
      "discard:x",
      "mx:example.org",
      "http://host",
      "gateway.example",
  };
  for (const std::string_view text : cases) {
    const auto target = parse_target(text);
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().code, TargetError::Code::malformed);
    EXPECT_FALSE(target.error().message.empty());
  }
}

TEST(Target, as_many_hosts_as_are_tried) {
  std::string text = "smtp://h1";
  for (std::size_t i = 2; i <= via_hosts_max; ++i) text += ",h" + std::to_string(i);
  EXPECT_EQ(parse_target(text)->hosts.size(), via_hosts_max);
  EXPECT_FALSE(parse_target(text + ",one-more"));
}

TEST(Target, what_may_stand_where) {
  using enum TargetError::Code;
  struct Case {
    std::string_view text;
    std::optional<TargetError::Code> via, deliver;  ///< nullopt: taken.
  };
  const Case cases[] = {
      {"smtp://a.example", {}, misplaced},
      {"smtps://a.example", {}, misplaced},
      {"lmtp:a.example", {}, {}},
      {"lmtp:unix:/run/lmtp", {}, {}},
      {"pipe:/bin/cat", {}, {}},
      {"maildir:/m", {}, {}},
      {"mbox:/m", {}, {}},
      {"discard:", {}, {}},
      {"mx:", {}, misplaced},
      {"reject:no", {}, misplaced},
      {"bogus:", malformed, malformed},
  };
  const auto code = [](const TargetResult& result) {
    return result ? std::nullopt : std::optional(result.error().code);
  };
  for (const Case& test : cases) {
    EXPECT_EQ(code(parse_via(test.text)), test.via) << test.text;
    EXPECT_EQ(code(parse_deliver(test.text)), test.deliver) << test.text;
  }
}

}  // namespace
}  // namespace route
