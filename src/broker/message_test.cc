#include "broker/message.h"

#include <gtest/gtest.h>

namespace broker {
namespace {

using namespace std::string_literals;

struct RequestCase {
  const char* name;
  Request request;
};

const RequestCase requests[] = {
    {"the configuration in force", GetConfiguration{false}},
    {"the configuration anew", GetConfiguration{true}},
    {"taken over", TakenOver{true}},
    {"not taken over", TakenOver{false}},
    {"ready", Ready{}},
    {"an IPv4 listener", Listen{*base::Endpoint::parse("192.0.2.1:25")}},
    {"an IPv6 listener", Listen{*base::Endpoint::parse("[2001:db8::1]:465")}},
    {"a key", OpenFile{"/etc/ssl/key.pem"}},
    {"the log", OpenLog{"/var/log/mail"}},
    {"a program", StartRun{.user = "uucp",
                           .arguments = {"/bin/cat", "", "a b"},
                           .environment = {"SENDER="},
                           .seconds_max = 300}},
    {"a delivery",
     StartRun{.user = "alice", .into_home = true, .arguments = {"maildir:~/Maildir"}}},
};

TEST(message, requests_come_back_as_they_were) {
  for (const RequestCase& row : requests) {
    EXPECT_EQ(decode_request(encode(row.request)), row.request) << row.name;
  }
}

TEST(message, a_request_that_is_cut_or_goes_on_is_none) {
  for (const RequestCase& row : requests) {
    const std::string whole = encode(row.request);
    for (std::size_t end = 0; end < whole.size(); ++end) {
      EXPECT_FALSE(decode_request(whole.substr(0, end))) << row.name << " at " << end;
    }
    EXPECT_FALSE(decode_request(whole + '\0')) << row.name;
  }
}

TEST(message, replies_and_ends) {
  for (const Reply& reply : {Reply{}, Reply{.error = 13}, Reply{.text = "/etc/x"}}) {
    const std::string whole = encode(reply);
    EXPECT_EQ(decode_reply(whole), reply);
    EXPECT_FALSE(decode_request(whole));
    for (std::size_t end = 0; end < whole.size(); ++end) {
      EXPECT_FALSE(decode_reply(whole.substr(0, end)));
    }
  }
  for (const RunEnd& run_end :
       {RunEnd{}, RunEnd{RunEnd::How::killed, 9}, RunEnd{RunEnd::How::not_started, 2}}) {
    const std::string whole = encode(run_end);
    EXPECT_EQ(decode_run_end(whole), run_end);
    EXPECT_FALSE(decode_reply(whole));
    for (std::size_t end = 0; end < whole.size(); ++end) {
      EXPECT_FALSE(decode_run_end(whole.substr(0, end)));
    }
  }
}

struct HostileCase {
  const char* name;
  std::string octets;
};

const HostileCase hostile[] = {
    {"nothing", ""},
    {"an unknown type", "\x7f"},
    {"type 0", "\0"s},
    {"a flag that is neither", "\x01\0\0\0\x02"s},
    {"a text longer than the message", "\x05\xff\xff\xff\xff/"s},
    {"a path with NUL", "\x05\0\0\0\x03/\0x"s},
    {"no endpoint", "\x04\0\0\0\x01x"s},
    {"an endpoint without a port",
     "\x04\0\0\0\x09"
     "127.0.0.1"s},
    {"a program of no arguments", "\x07\0\0\0\x01u\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s},
    {"a program of nobody", "\x07\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01x\0\0\0\0\0\0\0\0"s},
    {"a list longer than the message", "\x07\0\0\0\x01u\0\0\0\0\xff\xff\xff\xff"s},
};

TEST(message, hostile_requests_are_none) {
  for (const HostileCase& row : hostile) EXPECT_FALSE(decode_request(row.octets)) << row.name;
}

TEST(message, limits_and_one_past) {
  StartRun run{.user = "u", .arguments = std::vector<std::string>(list_items_max, "x")};
  EXPECT_TRUE(decode_request(encode(run)));
  run.arguments.emplace_back("x");
  EXPECT_FALSE(decode_request(encode(run)));

  const std::size_t head = encode(OpenFile{}).size();
  EXPECT_TRUE(decode_request(encode(OpenFile{std::string(message_octets_max - head, 'x')})));
  EXPECT_FALSE(decode_request(encode(OpenFile{std::string(message_octets_max - head + 1, 'x')})));
}

TEST(message, values_that_cannot_be) {
  EXPECT_FALSE(decode_reply("\x08\xff\xff\xff\xff\0\0\0\0"s));
  EXPECT_FALSE(decode_run_end("\x09\0\0\0\x04\0\0\0\0"s));
  EXPECT_FALSE(decode_run_end("\x09\0\0\0\0\xff\xff\xff\xff"s));
}

}  // namespace
}  // namespace broker
