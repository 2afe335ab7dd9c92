#include "cli/endpoint_name.h"

#include <gtest/gtest.h>

namespace cli {
namespace {

struct HostPortCase {
  std::string_view name;
  std::string_view text;
  HostPort want;  ///< Port 0: refused.
};

const HostPortCase cases[] = {
    {"name", "mx.example.org:25", {"mx.example.org", 25}},
    {"one label", "localhost:65535", {"localhost", 65535}},
    {"IPv4", "192.0.2.1:587", {"192.0.2.1", 587}},
    {"IPv6", "[2001:db8::1]:465", {"2001:db8::1", 465}},
    {"U-labels", "bücher.example:25", {"bücher.example", 25}},
    {"no port", "mx.example.org", {}},
    {"empty port", "mx.example.org:", {}},
    {"port 0", "mx.example.org:0", {}},
    {"port of five digits too large", "mx.example.org:65536", {}},
    {"port with a sign", "mx.example.org:+25", {}},
    {"text behind the port", "mx.example.org:25x", {}},
    {"no host", ":25", {}},
    {"IPv6 without brackets", "2001:db8::1:25", {}},
    {"bracket missing", "[2001:db8::1:25", {}},
    {"IPv4 in brackets", "[192.0.2.1]:25", {}},
    {"name in brackets", "[mx]:25", {}},
    {"space", "mx example:25", {}},
    {"URL", "smtp://mx.example.org:25", {}},
};

TEST(endpoint_name, host_and_port) {
  for (const HostPortCase& c : cases) {
    const auto got = HostPort::parse(c.text);
    EXPECT_EQ(got.has_value(), c.want.port != 0) << c.name;
    if (got) EXPECT_EQ(*got, c.want) << c.name;
    if (!got) EXPECT_NE(got.error().find("HOST:PORT"), std::string::npos) << c.name;
  }
}

TEST(endpoint_name, an_address_needs_no_look_up) {
  const auto found = find_addresses({"192.0.2.1", 25});
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().to_string(), "192.0.2.1:25");
}

}  // namespace
}  // namespace cli
