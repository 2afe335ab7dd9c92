#include "config/values.h"

#include <gtest/gtest.h>

#include <array>

namespace config {
namespace {

using namespace std::chrono_literals;

struct DurationCase {
  std::string_view text;
  std::optional<base::Duration> want;
};

const DurationCase duration_cases[] = {
    {"30s", 30s},
    {"15m", 15min},
    {"4h", 4h},
    {"5d", 120h},
    {"0s", 0s},
    {"007m", 7min},
    {"36500d", duration_max},
    {"36501d", duration_max},
    {"18446744073709551615d", duration_max},
    {"99999999999999999999999s", duration_max},
    {"", {}},
    {"s", {}},
    {"5", {}},
    {"5x", {}},
    {"5S", {}},
    {"5ms", {}},
    {"1h30m", {}},
    {"1.5h", {}},
    {"-5s", {}},
    {"+5s", {}},
    {" 5s", {}},
    {"5 s", {}},
    {"5s ", {}},
    {"0x5s", {}},
};

TEST(values, durations) {
  for (const DurationCase& row : duration_cases)
    EXPECT_EQ(parse_duration(row.text), row.want) << row.text;
  for (const std::string_view text : {"0s", "59s", "1m", "61s", "90m", "1h", "25h", "2d"}) {
    EXPECT_EQ(print_duration(*parse_duration(text)), text);
  }
}

struct SizeCase {
  std::string_view text;
  std::optional<std::uint64_t> want;
};

const SizeCase size_cases[] = {
    {"1B", 1},
    {"64KiB", 65'536},
    {"50MiB", 52'428'800},
    {"4GiB", std::uint64_t{4} << 30},
    {"16777215TiB", std::uint64_t{16'777'215} << 40},
    {"16777216TiB", ~std::uint64_t{0}},
    {"18446744073709551616B", ~std::uint64_t{0}},
    {"", {}},
    {"MiB", {}},
    {"50", {}},
    {"50MB", {}},
    {"50M", {}},
    {"50mib", {}},
    {"50 MiB", {}},
    {"0.5MiB", {}},
    {"-1B", {}},
};

TEST(values, sizes) {
  for (const SizeCase& row : size_cases) EXPECT_EQ(parse_size(row.text), row.want) << row.text;
  for (const std::string_view text : {"0B", "1023B", "1KiB", "1025B", "3MiB", "1TiB", "1025GiB"}) {
    EXPECT_EQ(print_size(*parse_size(text)), text);
  }
}

TEST(values, the_closest_name) {
  constexpr std::array<std::string_view, 5> known = {"hostname", "tls", "dns", "retry", "listener"};
  EXPECT_EQ(closest("hostnam", known), "hostname");
  EXPECT_EQ(closest("HOSTNAME", known), "hostname");
  EXPECT_EQ(closest("ohstname", known), "hostname");
  EXPECT_EQ(closest("hostnames", known), "hostname");
  EXPECT_EQ(closest("hostnamexxx", known), "");
  EXPECT_EQ(closest("tsl", known), "tls");
  EXPECT_EQ(closest("tl", known), "tls");
  EXPECT_EQ(closest("retries", known), "");
  EXPECT_EQ(closest("", known), "");
  EXPECT_EQ(closest(std::string(65, 'x'), known), "");
  EXPECT_EQ(closest("x", {}), "");
}

}  // namespace
}  // namespace config
