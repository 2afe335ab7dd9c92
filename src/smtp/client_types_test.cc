#include "smtp/client_types.h"

#include <gtest/gtest.h>

#include <string_view>

namespace smtp {
namespace {

struct CapabilityCase {
  std::string_view name;
  std::string_view text;
  Capabilities want;
};

const CapabilityCase capability_cases[] = {
    {"name alone", "z.test", {.extended = true}},
    {"the first line holds no keyword", "PIPELINING\nDSN", {.extended = true, .dsn = true}},
    {"empty", "", {.extended = true}},
    {"all, in any case",
     "z\nPipelining\n8BITMIME\nSMTPUTF8\nSTARTTLS\nENHANCEDSTATUSCODES\nCHUNKING\nDSN",
     {.extended = true,
      .pipelining = true,
      .eight_bit_mime = true,
      .smtputf8 = true,
      .starttls = true,
      .enhanced_status_codes = true,
      .chunking = true,
      .dsn = true}},
    {"a longer word is another keyword", "z\nPIPELINING2\nXDSN\n8BITMIME=1", {.extended = true}},
    {"SIZE", "z\nSIZE 10240000", {.extended = true, .size = true, .size_octets_max = 10'240'000}},
    {"SIZE without a number", "z\nSIZE", {.extended = true, .size = true}},
    {"SIZE 0: no limit", "z\nSIZE 0", {.extended = true, .size = true}},
    {"SIZE of 2^64 - 1",
     "z\nSIZE 18446744073709551615",
     {.extended = true, .size = true, .size_octets_max = 18'446'744'073'709'551'615u}},
    {"SIZE of 2^64", "z\nSIZE 18446744073709551616", {.extended = true, .size = true}},
    {"SIZE with rubbish", "z\nSIZE 12x", {.extended = true, .size = true}},
    {"AUTH",
     "z\nAUTH  CRAM-MD5 plain LOGIN",
     {.extended = true, .auth_mechanisms = {"CRAM-MD5", "PLAIN", "LOGIN"}}},
    {"AUTH twice",
     "z\nAUTH PLAIN\nauth Plain X",
     {.extended = true, .auth_mechanisms = {"PLAIN", "X"}}},
    {"AUTH of nothing", "z\nAUTH", {.extended = true}},
    {"AUTH with = of old", "z\nAUTH=PLAIN", {.extended = true}},
    {"LIMITS [RFC9422 4]",
     "z\nLIMITS MAILMAX=5 rcptmax=100 RCPTDOMAINMAX=2 OTHER=1 RCPT=3",
     {.extended = true, .transactions_max = 5, .recipients_max = 100, .domains_max = 2}},
    {"LIMITS that are no numbers", "z\nLIMITS RCPTMAX=x MAILMAX= RCPTMAX", {.extended = true}},
    {"LIMITS of nothing", "z\nLIMITS RCPTMAX=0", {.extended = true}},
};

TEST(capabilities, are_read_as_in_the_table) {
  for (const CapabilityCase& row : capability_cases) {
    EXPECT_EQ(parse_capabilities(row.text), row.want) << row.name;
  }
}

}  // namespace
}  // namespace smtp
