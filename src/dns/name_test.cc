#include "dns/name.h"

#include <gtest/gtest.h>

namespace dns {
namespace {

using namespace std::literals;

TEST(Name, texts_that_are_names) {
  const std::string label63(63, 'a');
  const std::string longest =
      label63 + "." + label63 + "." + label63 + "." + std::string(61, 'b');  // 253 octets.
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"example.org", "example.org"},
      {"Example.ORG.", "example.org"},
      {".", ""},
      {"org", "org"},
      {"_dmarc.a-b.example", "_dmarc.a-b.example"},
      {label63, label63},
      {longest, longest},
      {"\xc3\xa4.example", "\xc3\xa4.example"},
  };
  for (const auto& [text, want] : cases) {
    const auto name = Name::parse(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->text(), want);
    if (!name->is_root()) EXPECT_EQ(Name::parse(name->text()), name);
  }
}

TEST(Name, texts_that_are_none) {
  const std::string label63(63, 'a');
  const std::string too_long =
      label63 + "." + label63 + "." + label63 + "." + std::string(62, 'b');  // 254 octets.
  const std::string_view cases[] = {
      "",
      "..",
      ".a",
      "a..b",
      "a..",
      "a\0b"sv,
      "a.b\n.test",
      "a\x7f.b"sv,
      "\t.example",
      too_long,
      std::string_view(),
  };
  for (const std::string_view text : cases) EXPECT_FALSE(Name::parse(text)) << text;
  EXPECT_FALSE(Name::parse(std::string(64, 'a') + ".example"));
}

TEST(Name, is_within_counts_whole_labels) {
  const auto within = [](std::string_view name, std::string_view parent) {
    return Name::parse(name)->is_within(*Name::parse(parent));
  };
  EXPECT_TRUE(within("a.example", "example"));
  EXPECT_TRUE(within("example", "example"));
  EXPECT_TRUE(within("b.a.EXAMPLE", "a.example"));
  EXPECT_TRUE(within("example", "."));
  EXPECT_TRUE(within(".", "."));
  EXPECT_FALSE(within("badexample", "example"));
  EXPECT_FALSE(within("example", "a.example"));
  EXPECT_FALSE(within(".", "example"));
}

TEST(Name, parents_end_at_the_root) {
  Name name = *Name::parse("a.b.example");
  for (const std::string_view want : {"b.example", "example", "", ""}) {
    name = name.parent();
    EXPECT_EQ(name.text(), want);
  }
}

}  // namespace
}  // namespace dns
