#include "dns/zone.h"

#include <gtest/gtest.h>

namespace dns {
namespace {

using std::chrono::seconds;

Name name(std::string_view text) { return *Name::parse(text); }

Zone sample() {
  Zone zone;
  const auto add = [&](std::string_view owner, std::string_view type, std::string_view data) {
    const auto added = zone.add_text(owner, type, data, seconds(100));
    EXPECT_TRUE(added) << added.error();
  };
  add("a.test", "SOA", "ns.a.test. admin.a.test. 1 3600 600 86400 40");
  add("a.test.", "NS", "ns.a.test.");
  add("a.test", "MX", "10 mx1.a.test.");
  add("a.test", "mx", " 20\tmx2.a.test ");
  add("mx1.a.test", "A", "192.0.2.1");
  add("mx1.a.test", "AAAA", "2001:db8::1");
  add("deep.empty.a.test", "TXT", "v=spf1 \"-all\"  ");
  add("alias.a.test", "CNAME", "mx1.a.test");
  add("out.a.test", "CNAME", "host.elsewhere.test");
  add("ring1.a.test", "CNAME", "ring2.a.test");
  add("ring2.a.test", "CNAME", "ring1.a.test");
  add("host.elsewhere.test", "A", "192.0.2.77");
  return zone;
}

TEST(Zone, lookup) {
  const Zone zone = sample();
  struct Case {
    std::string_view name;
    Type type;
    Rcode rcode;
    std::size_t records;
    std::string_view canonical;
    int ttl;
  };
  const Case cases[] = {
      {"a.test", Type::mx, Rcode::no_error, 2, "a.test", 100},
      {"mx1.a.test", Type::a, Rcode::no_error, 1, "mx1.a.test", 100},
      {"mx1.a.test", Type::mx, Rcode::no_error, 0, "mx1.a.test", 40},
      {"nobody.a.test", Type::a, Rcode::name_error, 0, "nobody.a.test", 40},
      {"below.mx1.a.test", Type::a, Rcode::name_error, 0, "below.mx1.a.test", 40},
      {"empty.a.test", Type::a, Rcode::no_error, 0, "empty.a.test", 40},
      {"test", Type::a, Rcode::no_error, 0, "test", 300},
      {"example", Type::a, Rcode::name_error, 0, "example", 300},
      {"alias.a.test", Type::a, Rcode::no_error, 1, "mx1.a.test", 100},
      {"alias.a.test", Type::mx, Rcode::no_error, 0, "mx1.a.test", 40},
      {"alias.a.test", Type::cname, Rcode::no_error, 1, "alias.a.test", 100},
      {"out.a.test", Type::a, Rcode::no_error, 1, "host.elsewhere.test", 100},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(std::string(test.name) + " " + to_string(test.type));
    const auto answer = zone.lookup({name(test.name), test.type});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->rcode, test.rcode);
    EXPECT_EQ(answer->records.size(), test.records);
    EXPECT_EQ(answer->canonical, name(test.canonical));
    EXPECT_EQ(answer->ttl, seconds(test.ttl));
  }
  EXPECT_EQ(zone.lookup({name("ring1.a.test"), Type::a}).error(), LookupError::server_failure);
}

TEST(Zone, text_of_a_txt_is_taken_as_it_is) {
  const auto answer = sample().lookup({name("deep.empty.a.test"), Type::txt});
  EXPECT_EQ(std::get<Txt>(answer->records[0].data).text, "v=spf1 \"-all\"  ");
}

TEST(Zone, cnames_up_to_the_limit) {
  Zone zone;
  for (int i = 0; i <= cname_steps_max; ++i) {
    (void)zone.add_text("n" + std::to_string(i), "CNAME", "n" + std::to_string(i + 1));
  }
  (void)zone.add_text("n" + std::to_string(cname_steps_max + 1), "A", "192.0.2.1");
  EXPECT_TRUE(zone.lookup({name("n1"), Type::a}));
  EXPECT_EQ(zone.lookup({name("n0"), Type::a}).error(), LookupError::server_failure);
}

TEST(Zone, texts_that_are_refused) {
  Zone zone;
  const std::array<std::string_view, 3> cases[] = {
      {"a..test", "A", "192.0.2.1"},
      {"", "A", "192.0.2.1"},
      {"a.test", "BOGUS", "x"},
      {"a.test", "TYPE99", "x"},
      {"a.test", "A", "2001:db8::1"},
      {"a.test", "A", "192.0.2.256"},
      {"a.test", "AAAA", "192.0.2.1"},
      {"a.test", "MX", "mx.a.test"},
      {"a.test", "MX", "65536 mx.test"},
      {"a.test", "MX", "-1 mx.test"},
      {"a.test", "MX", "10 mx.test x"},
      {"a.test", "MX", "10 mx..test"},
      {"a.test", "CNAME", ""},
      {"a.test", "SOA", "a b 1 2 3 4"},
      {"a.test", "SOA", "a b 1 2 3 4 x"},
  };
  for (const auto& [owner, type, data] : cases) {
    EXPECT_FALSE(zone.add_text(owner, type, data)) << owner << " " << type << " " << data;
  }
  EXPECT_FALSE(zone.set_fault_text("a.test", "MX", "BROKEN"));
  EXPECT_FALSE(zone.set_fault_text("a.test", "BOGUS", "SERVFAIL"));
  EXPECT_FALSE(zone.set_fault_text("a..test", "MX", "SERVFAIL"));
  EXPECT_TRUE(zone.add_text("a.test", "MX", "0 ."));
  EXPECT_TRUE(zone.add_text("a.test", "AAAA", "::ffff:192.0.2.1"));
}

TEST(Zone, faults) {
  Zone zone = sample();
  ASSERT_TRUE(zone.set_fault_text("a.test", "MX", "SERVFAIL"));
  ASSERT_TRUE(zone.set_fault_text("mx1.a.test", "A", "TIMEOUT"));
  ASSERT_TRUE(zone.set_fault_text("gone.a.test", "MX", "NXDOMAIN"));
  ASSERT_TRUE(zone.set_fault_text("all.a.test", "ANY", "REFUSED"));
  EXPECT_EQ(zone.lookup({name("a.test"), Type::mx}).error(), LookupError::server_failure);
  EXPECT_TRUE(zone.lookup({name("a.test"), Type::ns}));
  EXPECT_EQ(zone.lookup({name("mx1.a.test"), Type::a}).error(), LookupError::timed_out);
  EXPECT_EQ(zone.lookup({name("alias.a.test"), Type::a}).error(), LookupError::timed_out);
  EXPECT_TRUE(zone.lookup({name("mx1.a.test"), Type::aaaa}));
  EXPECT_EQ(zone.lookup({name("gone.a.test"), Type::mx})->rcode, Rcode::name_error);
  EXPECT_EQ(zone.lookup({name("all.a.test"), Type::txt}).error(), LookupError::refused);

  EXPECT_TRUE(zone.is_silent({name("alias.a.test"), Type::a}));
  EXPECT_FALSE(zone.is_silent({name("a.test"), Type::mx}));

  // Records bring a name back to life.
  ASSERT_TRUE(zone.add_text("a.test", "MX", "5 mx1.a.test"));
  EXPECT_EQ(zone.lookup({name("a.test"), Type::mx})->records.size(), 1u);
}

TEST(Zone, what_was_removed_is_gone_and_empty_names_above_it_too) {
  Zone zone = sample();
  zone.remove(name("deep.empty.a.test"));
  EXPECT_EQ(zone.lookup({name("deep.empty.a.test"), Type::txt})->rcode, Rcode::name_error);
  EXPECT_EQ(zone.lookup({name("empty.a.test"), Type::txt})->rcode, Rcode::name_error);
  zone.remove(name("mx1.a.test"), Type::a);
  EXPECT_TRUE(zone.lookup({name("mx1.a.test"), Type::a})->records.empty());
  EXPECT_EQ(zone.lookup({name("mx1.a.test"), Type::aaaa})->records.size(), 1u);
  zone.remove(name("a.test"));  // Still the parent of others.
  EXPECT_EQ(zone.lookup({name("a.test"), Type::mx})->rcode, Rcode::no_error);
}

Message query(std::string_view text, Type type) {
  Message message;
  message.id = 7;
  message.recursion_desired = true;
  message.questions = {{name(text), type}};
  return message;
}

TEST(Zone, responds_as_an_authoritative_server) {
  Zone zone = sample();
  ASSERT_TRUE(zone.set_fault_text("broken.a.test", "A", "SERVFAIL"));
  struct Case {
    std::string_view name;
    Type type;
    Rcode rcode;
    bool authoritative;
    std::size_t answers, authorities;
  };
  const Case cases[] = {
      {"a.test", Type::mx, Rcode::no_error, true, 2, 0},
      {"a.test", Type::soa, Rcode::no_error, true, 1, 0},
      {"a.test", Type::txt, Rcode::no_error, true, 0, 1},
      {"nobody.a.test", Type::a, Rcode::name_error, true, 0, 1},
      {"empty.a.test", Type::a, Rcode::no_error, true, 0, 1},
      {"alias.a.test", Type::aaaa, Rcode::no_error, true, 2, 0},
      {"alias.a.test", Type::mx, Rcode::no_error, true, 1, 1},
      {"out.a.test", Type::a, Rcode::no_error, true, 1, 0},
      {"broken.a.test", Type::a, Rcode::server_failure, false, 0, 0},
      {"ring1.a.test", Type::a, Rcode::server_failure, false, 0, 0},
      {"host.elsewhere.test", Type::a, Rcode::refused, false, 0, 0},
      {"test", Type::a, Rcode::refused, false, 0, 0},
      {".", Type::ns, Rcode::refused, false, 0, 0},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(std::string(test.name) + " " + to_string(test.type));
    const Message response = zone.respond(query(test.name, test.type));
    EXPECT_EQ(response.id, 7);
    EXPECT_TRUE(response.response);
    EXPECT_TRUE(response.recursion_desired);
    EXPECT_FALSE(response.recursion_available);
    EXPECT_EQ(response.questions, query(test.name, test.type).questions);
    EXPECT_EQ(response.rcode, test.rcode);
    EXPECT_EQ(response.authoritative, test.authoritative);
    EXPECT_EQ(response.answers.size(), test.answers);
    EXPECT_EQ(response.authorities.size(), test.authorities);
    EXPECT_EQ(decode(encode(response)), response);
  }
}

TEST(Zone, what_is_no_query_is_a_format_error) {
  const Zone zone = sample();
  Message none;
  EXPECT_EQ(zone.respond(none).rcode, Rcode::format_error);
  Message two = query("a.test", Type::mx);
  two.questions.push_back(two.questions.front());
  EXPECT_EQ(zone.respond(two).rcode, Rcode::format_error);
}

TEST(Zone, its_responses_say_what_its_lookups_say) {
  const Zone zone = sample();
  for (const auto text : {"a.test", "mx1.a.test", "alias.a.test", "nobody.a.test", "empty.a.test",
                          "deep.empty.a.test", "ring1.a.test"}) {
    for (const auto type : {Type::a, Type::aaaa, Type::mx, Type::txt, Type::cname}) {
      const Question question{name(text), type};
      EXPECT_EQ(answer_of(zone.respond(query(text, type)), question), zone.lookup(question))
          << text << " " << to_string(type);
    }
  }
}

}  // namespace
}  // namespace dns
