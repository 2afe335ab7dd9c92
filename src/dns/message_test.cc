#include "dns/message.h"

#include <gtest/gtest.h>

namespace dns {
namespace {

using namespace std::literals;
using std::chrono::seconds;

Name name(std::string_view text) { return *Name::parse(text); }
base::IpAddress ip(std::string_view text) { return *base::IpAddress::parse(text); }

/// A response with a record of each kind.
Message all_kinds() {
  Message message;
  message.id = 0xbeef;
  message.response = message.authoritative = message.recursion_desired = true;
  message.recursion_available = true;
  message.rcode = Rcode::name_error;
  message.questions = {{name("a.example"), Type::mx}};
  message.answers = {
      {name("a.example"), Type::a, seconds(300), ip("192.0.2.1")},
      {name("a.example"), Type::aaaa, seconds(0), ip("2001:db8::1")},
      {name("a.example"), Type::mx, seconds(1), Mx{65'535, name("mx.a.example")}},
      {name("a.example"), Type::mx, seconds(1), Mx{0, Name()}},
      {name("a.example"), Type::txt, seconds(0x7fffffff), Txt{"v=spf1 -all"}},
      {name("a.example"), Type::txt, seconds(5), Txt{std::string(256, 'x')}},
      {name("a.example"), Type::txt, seconds(5), Txt{""}},
      {name("b.example"), Type::cname, seconds(5), name("a.example")},
      {Name(), Type::ns, seconds(5), name("ns.example")},
      {name("x.example"), static_cast<Type>(65'280), seconds(5), Opaque{"\0\xff"s}},
  };
  message.authorities = {{name("example"), Type::soa, seconds(60),
                          Soa{name("ns.example"), name("admin.example"), 1, 2, 3, 4, 0xffffffff}}};
  message.additionals = {{name("ns.example"), Type::a, seconds(9), ip("127.0.0.1")}};
  return message;
}

TEST(Message, what_was_encoded_decodes_to_the_same) {
  const Message message = all_kinds();
  EXPECT_EQ(decode(encode(message)), message);
  EXPECT_EQ(decode(encode(Message{})), Message{});
}

TEST(Message, a_cut_message_is_refused_at_every_octet) {
  const std::string octets = encode(all_kinds());
  for (std::size_t cut = 0; cut < octets.size(); ++cut) {
    EXPECT_FALSE(decode(octets.substr(0, cut))) << cut;
  }
}

TEST(Message, what_does_not_fit_is_cut_at_a_record) {
  const Message whole = all_kinds();
  const std::size_t size = encode(whole).size();
  EXPECT_FALSE(decode(encode(whole, size))->truncated);
  for (std::size_t most = 12; most < size; ++most) {
    const std::string octets = encode(whole, most);
    EXPECT_LE(octets.size(), most);
    const auto part = decode(octets);
    ASSERT_TRUE(part) << part.error();
    EXPECT_TRUE(part->truncated);
    EXPECT_LE(part->answers.size(), whole.answers.size());
    if (!part->authorities.empty()) EXPECT_EQ(part->answers, whole.answers);
  }
}

/// A header with these counts, and no flags but "response".
std::string head(unsigned questions, unsigned answers) {
  std::string octets = "\x12\x34\x80\x00"s;
  for (const unsigned count : {questions, answers, 0u, 0u}) {
    octets.push_back(static_cast<char>(count >> 8));
    octets.push_back(static_cast<char>(count & 0xff));
  }
  return octets;
}

TEST(Message, compressed_names) {
  // a.example (at 12) MX; the answer's owner points to 12, its exchange is "mx" and 14 (example).
  const auto message = decode(head(1, 1) +
                              "\1a\7example\0\0\x0f\0\1"
                              "\xc0\x0c\0\x0f\0\1\0\0\1\x2c\0\7\0\x0a\2mx\xc0\x0e"s);
  ASSERT_TRUE(message) << message.error();
  const std::vector<Record> want = {
      {name("a.example"), Type::mx, seconds(300), Mx{10, name("mx.example")}}};
  EXPECT_EQ(message->answers, want);
}

TEST(Message, hostile_messages_are_refused) {
  const std::string tail = "\0\1\0\1"s;
  // Questions whose names point each to the one before: 64, 128, 192, 256 octets long.
  std::string chain;
  std::size_t previous = 0;
  for (int i = 0; i < 4; ++i) {
    const std::size_t here = 12 + chain.size();
    chain += std::string(1, 63) + std::string(63, 'a');
    if (i == 0) chain += '\0';
    if (i > 0) chain += {static_cast<char>(0xc0 | previous >> 8), static_cast<char>(previous)};
    chain += tail;
    previous = here;
  }
  EXPECT_TRUE(decode(head(3, 0) + chain));
  struct Case {
    std::string_view what;
    std::string octets;
  };
  const Case cases[] = {
      {"a pointer to itself", head(1, 0) + "\xc0\x0c"s + tail},
      {"a pointer forwards", head(1, 0) + "\xc0\x0e\0"s + tail},
      {"a label before a pointer to it", head(1, 0) + "\1a\xc0\x0c"s + tail},
      {"two pointers in a ring", head(1, 0) + "\xc0\x0e\xc0\x0c"s + tail},
      {"a pointer past the end", head(1, 0) + "\xff\xff"s + tail},
      {"a label of type 01", head(1, 0) + "\x41" + "a"s + tail},
      {"a label past the end", head(1, 0) + "\x3f"s + "aaaa"},
      {"a dot in a label", head(1, 0) + "\3a.b\0"s + tail},
      {"a NUL in a label", head(1, 0) + "\3a\0b\0"s + tail},
      {"a name that is too long by pointers", head(4, 0) + chain},
      {"fewer questions than promised", head(2, 0) + "\1a\0"s + tail},
      {"an A of three octets", head(0, 1) + "\0\0\1\0\1\0\0\0\0\0\3abc"s},
      {"an A of five octets", head(0, 1) + "\0\0\1\0\1\0\0\0\0\0\5abcde"s},
      {"a AAAA of four octets", head(0, 1) + "\0\0\x1c\0\1\0\0\0\0\0\4abcd"s},
      {"an MX whose name runs out of it", head(0, 1) + "\0\0\x0f\0\1\0\0\0\0\0\3\0\1\1a\0"s},
      {"an MX with octets behind it", head(0, 1) + "\0\0\x0f\0\1\0\0\0\0\0\4\0\1\0x"s},
      {"a TXT whose string runs out of it", head(0, 1) + "\0\0\x10\0\1\0\0\0\0\0\2\5abcde"s},
      {"RDATA past the end", head(0, 1) + "\0\0\x63\0\1\0\0\0\0\xff\xff"s},
      {"not a standard query", "\0\0\x28\0\0\0\0\0\0\0\0\0"s},
  };
  for (const Case& test : cases) EXPECT_FALSE(decode(test.octets)) << test.what;
}

TEST(Message, other_classes_and_opt_are_left_out) {
  const auto message = decode(head(1, 2) +
                              "\1a\0\0\1\0\3"                    // CHAOS
                              "\0\0\x29\x10\0\0\0\0\0\0\3xyz"    // OPT
                              "\1a\0\0\1\0\3\0\0\0\0\0\3abc"s);  // A of CHAOS
  ASSERT_TRUE(message) << message.error();
  EXPECT_TRUE(message->questions.empty());
  EXPECT_TRUE(message->answers.empty());
}

TEST(Message, a_ttl_with_the_highest_bit_is_zero) {
  const auto message = decode(head(0, 1) + "\0\0\1\0\1\x80\0\0\1\0\4abcd"s);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->answers[0].ttl, seconds(0));
}

TEST(Message, a_dot_in_the_mailbox_of_a_soa_does_not_spoil_the_answer) {
  const auto message =
      decode(head(0, 1) + "\0\0\6\0\1\0\0\0\1\0\x1d\2ns\0\3j.d\0"s + std::string(20, '\0'));
  ASSERT_TRUE(message) << message.error();
  EXPECT_EQ(std::get<Soa>(message->answers[0].data).mailbox, Name());
}

TEST(Type, prints_and_parses) {
  EXPECT_EQ(to_string(Type::aaaa), "AAAA");
  EXPECT_EQ(to_string(static_cast<Type>(65'280)), "TYPE65280");
  for (const auto type : {Type::a, Type::ns, Type::cname, Type::soa, Type::mx, Type::txt,
                          Type::aaaa, static_cast<Type>(99)}) {
    EXPECT_EQ(parse_type(to_string(type)), type);
  }
  EXPECT_EQ(parse_type("mx"), Type::mx);
  for (const auto text : {"", "MXX", "TYPE", "TYPE65536", "TYPE1x", "TYPE-1"}) {
    EXPECT_FALSE(parse_type(text)) << text;
  }
}

Message response(Rcode rcode, std::vector<Record> answers, std::vector<Record> authorities = {}) {
  Message message;
  message.response = true;
  message.rcode = rcode;
  message.answers = std::move(answers);
  message.authorities = std::move(authorities);
  return message;
}

Record alias(std::string_view owner, std::string_view target, int ttl) {
  return {name(owner), Type::cname, seconds(ttl), name(target)};
}
Record address(std::string_view owner, std::string_view text, int ttl) {
  return {name(owner), Type::a, seconds(ttl), ip(text)};
}

TEST(AnswerOf, follows_cnames_in_any_order_and_takes_the_least_ttl) {
  const Question question{name("a.example"), Type::a};
  const auto answer = answer_of(
      response(Rcode::no_error,
               {address("c.example", "192.0.2.2", 60), alias("b.example", "c.example", 20),
                alias("a.example", "b.example", 40), address("x.example", "192.0.2.9", 1)}),
      question);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->canonical, name("c.example"));
  ASSERT_EQ(answer->records.size(), 1u);
  EXPECT_EQ(answer->ttl, seconds(20));
}

TEST(AnswerOf, negative_answers) {
  const Record soa{name("example"), Type::soa, seconds(600),
                   Soa{name("ns.example"), name("m.example"), 1, 2, 3, 4, 30}};
  const Question question{name("a.example"), Type::a};
  const auto nxdomain = answer_of(response(Rcode::name_error, {}, {soa}), question);
  ASSERT_TRUE(nxdomain);
  EXPECT_EQ(nxdomain->rcode, Rcode::name_error);
  EXPECT_EQ(nxdomain->ttl, seconds(30));

  const auto no_data = answer_of(response(Rcode::no_error, {}), question);
  ASSERT_TRUE(no_data);
  EXPECT_EQ(no_data->rcode, Rcode::no_error);
  EXPECT_TRUE(no_data->records.empty());
  EXPECT_EQ(no_data->ttl, seconds(0));
}

TEST(AnswerOf, what_is_no_answer) {
  const Question question{name("a.example"), Type::a};
  const auto error_of = [&](const Message& message) {
    const auto answer = answer_of(message, question);
    return answer ? std::nullopt : std::optional(answer.error());
  };
  EXPECT_EQ(error_of(response(Rcode::server_failure, {})), LookupError::server_failure);
  EXPECT_EQ(error_of(response(Rcode::not_implemented, {})), LookupError::server_failure);
  EXPECT_EQ(error_of(response(Rcode::refused, {})), LookupError::refused);
  EXPECT_EQ(error_of(response(Rcode::no_error, {alias("a.example", "a.example", 1)})),
            LookupError::server_failure);
  Message truncated = response(Rcode::no_error, {});
  truncated.truncated = true;
  EXPECT_EQ(error_of(truncated), LookupError::server_failure);
  EXPECT_EQ(error_of(Message{}), LookupError::server_failure);
}

TEST(AnswerOf, cnames_up_to_the_limit) {
  for (const int steps : {cname_steps_max, cname_steps_max + 1}) {
    std::vector<Record> answers;
    for (int i = 0; i < steps; ++i) {
      answers.push_back(alias("n" + std::to_string(i), "n" + std::to_string(i + 1), 9));
    }
    answers.push_back(address("n" + std::to_string(steps), "192.0.2.1", 9));
    EXPECT_EQ(answer_of(response(Rcode::no_error, answers), {name("n0"), Type::a}).has_value(),
              steps == cname_steps_max);
  }
}

}  // namespace
}  // namespace dns
