#include "sys/linux/resolver.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <functional>
#include <map>
#include <thread>

#include "base/group.h"
#include "sys/linux/runner.h"
#include "sys/linux/socket.h"
#include "sys/linux/upstream.h"

namespace sys::real {
namespace {

using base::Endpoint;
using base::Io;
using base::IoErrorCode;
using base::Task;
using dns::Answer;
using dns::Name;
using dns::Question;
using dns::Record;
using dns::Type;
using std::chrono::milliseconds;
using std::chrono::seconds;

Name name(std::string_view text) { return *Name::parse(text); }

Record address(std::string_view owner, std::string_view text) {
  return {name(owner), Type::a, seconds(300), *base::IpAddress::parse(text)};
}

/// A recursive server over UDP on a thread of its own: says what `answer` makes of each question,
/// or nothing at all.
class UdpServer {
 public:
  using Reply = std::function<std::optional<dns::Message>(const Question&)>;

  explicit UdpServer(Reply reply)
      : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), reply_(std::move(reply)) {
    const SocketAddress local = SocketAddress::of(*Endpoint::parse("127.0.0.1:0"));
    PH_ASSERT(::bind(socket_.get(), local.get(), local.octets) == 0);
    endpoint = local_endpoint(socket_.get());
    thread_ = std::thread([this] { serve(); });
  }
  ~UdpServer() {
    stopping_ = true;
    thread_.join();
  }
  UdpServer(const UdpServer&) = delete;
  UdpServer& operator=(const UdpServer&) = delete;

  Endpoint endpoint;
  std::atomic<int> questions = 0;

 private:
  void serve() {
    while (!stopping_) {
      pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 10) != 1) continue;
      char octets[1'024];
      SocketAddress from;
      const ssize_t got =
          ::recvfrom(socket_.get(), octets, sizeof octets, 0, from.get(), &from.octets);
      const auto asked = dns::decode({octets, static_cast<std::size_t>(got)});
      if (!asked || asked->questions.size() != 1) continue;
      ++questions;
      auto message = reply_(asked->questions.front());
      if (!message) continue;
      message->id = asked->id;
      message->response = message->recursion_desired = message->recursion_available = true;
      message->questions = asked->questions;
      const std::string text = dns::encode(*message);
      (void)::sendto(socket_.get(), text.data(), text.size(), 0, from.get(), from.octets);
    }
  }

  Descriptor socket_;
  Reply reply_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

dns::Message zone(const Question& question) {
  const Record soa{name("a.test"), Type::soa, seconds(600),
                   dns::Soa{name("ns.a.test"), name("root.a.test"), 1, 2, 3, 4, 60}};
  static const std::map<std::pair<std::string, Type>, std::vector<Record>> records = {
      {{"mx.a.test", Type::a},
       {address("mx.a.test", "192.0.2.1"), address("mx.a.test", "192.0.2.2")}},
      {{"a.test", Type::mx},
       {{name("a.test"), Type::mx, seconds(300), dns::Mx{20, name("mx2.a.test")}},
        {name("a.test"), Type::mx, seconds(300), dns::Mx{10, name("mx.a.test")}}}},
      {{"alias.a.test", Type::a},
       {{name("alias.a.test"), Type::cname, seconds(30), name("mx.a.test")},
        address("mx.a.test", "192.0.2.1")}},
  };
  dns::Message message;
  if (question.name == name("broken.a.test")) {
    message.rcode = dns::Rcode::server_failure;
  } else if (question.name == name("refused.a.test")) {
    message.rcode = dns::Rcode::refused;
  } else if (const auto found = records.find({question.name.text(), question.type});
             found != records.end()) {
    message.answers = found->second;
  } else {
    const bool exists = question.name.text() == "a.test" || question.name.text() == "mx.a.test";
    message.rcode = exists ? dns::Rcode::no_error : dns::Rcode::name_error;
    message.authorities = {soa};
  }
  return message;
}

Task<> ask(Resolver& resolver, Question question, Io<Answer>& result) {
  result = co_await base::operation<Io<Answer>>(
      [&](auto& done) { return resolver.resolve(question, done); });
}

class RealResolverTest : public testing::Test {
 protected:
  Io<Answer> look_up(Resolver& resolver, std::string_view text, Type type) {
    Io<Answer> result = base::io_error(IoErrorCode::failed);
    runner.run(ask(resolver, {name(text), type}, result));
    return result;
  }

  Runner runner;
};

IoErrorCode code(const Io<Answer>& io) { return io ? IoErrorCode::failed : io.error().code; }

TEST_F(RealResolverTest, finds_records_names_and_the_lack_of_them) {
  UdpServer server(zone);
  const auto resolver = make_resolver(runner.loop, {.servers = {server.endpoint}});

  const Io<Answer> mx = look_up(*resolver, "A.Test", Type::mx);
  ASSERT_TRUE(mx) << describe(mx.error());
  ASSERT_EQ(mx->records.size(), 2u);
  EXPECT_LE(mx->ttl, seconds(300));
  EXPECT_GT(mx->ttl, seconds(290));
  EXPECT_EQ(mx->canonical, name("a.test"));
  EXPECT_FALSE(mx->secure);

  const Io<Answer> alias = look_up(*resolver, "alias.a.test", Type::a);
  ASSERT_TRUE(alias) << describe(alias.error());
  ASSERT_GE(alias->records.size(), 1u);
  EXPECT_EQ(alias->records[0].owner, name("mx.a.test"));
  EXPECT_EQ(alias->canonical, name("mx.a.test"));
  EXPECT_LE(alias->ttl, seconds(30)) << "no longer than the CNAME";

  const Io<Answer> no_type = look_up(*resolver, "mx.a.test", Type::aaaa);
  ASSERT_TRUE(no_type) << describe(no_type.error());
  EXPECT_EQ(no_type->rcode, dns::Rcode::no_error);
  EXPECT_TRUE(no_type->records.empty());
  EXPECT_LE(no_type->ttl, seconds(60));
  EXPECT_GT(no_type->ttl, seconds(50));

  const Io<Answer> no_name = look_up(*resolver, "none.a.test", Type::a);
  ASSERT_TRUE(no_name) << describe(no_name.error());
  EXPECT_EQ(no_name->rcode, dns::Rcode::name_error);
  EXPECT_TRUE(no_name->records.empty());
}

TEST_F(RealResolverTest, failures_are_no_answers) {
  UdpServer server(zone);
  const auto resolver = make_resolver(runner.loop, {.servers = {server.endpoint}});
  EXPECT_EQ(code(look_up(*resolver, "broken.a.test", Type::a)), IoErrorCode::dns);
  EXPECT_EQ(code(look_up(*resolver, "refused.a.test", Type::a)), IoErrorCode::dns);
}

TEST_F(RealResolverTest, silence_ends_at_the_time_out) {
  UdpServer server([](const Question&) { return std::nullopt; });
  const auto resolver =
      make_resolver(runner.loop, {.servers = {server.endpoint}, .timeout = milliseconds(100)});
  const base::Instant before = runner.loop.now();
  EXPECT_EQ(code(look_up(*resolver, "a.test", Type::mx)), IoErrorCode::timed_out);
  EXPECT_GE(runner.loop.now() - before, milliseconds(100));
  EXPECT_LT(runner.loop.now() - before, seconds(2));
}

TEST_F(RealResolverTest, the_first_server_is_asked_as_long_as_it_answers) {
  UdpServer first(zone);
  UdpServer second(zone);
  const auto resolver = make_resolver(runner.loop, {.servers = {first.endpoint, second.endpoint}});
  for (const char* text : {"none1.a.test", "none2.a.test", "none3.a.test", "mx.a.test"}) {
    EXPECT_TRUE(look_up(*resolver, text, Type::a));
  }
  EXPECT_EQ(second.questions, 0);
  EXPECT_GE(first.questions, 4);
}

TEST_F(RealResolverTest, the_next_server_is_asked_after_a_failure_or_silence) {
  UdpServer good(zone);
  UdpServer failing([](const Question&) {
    dns::Message message;
    message.rcode = dns::Rcode::server_failure;
    return message;
  });
  UdpServer silent([](const Question&) { return std::nullopt; });
  const auto after_failure =
      make_resolver(runner.loop, {.servers = {failing.endpoint, good.endpoint}});
  EXPECT_TRUE(look_up(*after_failure, "mx.a.test", Type::a));

  const auto after_silence = make_resolver(
      runner.loop, {.servers = {silent.endpoint, good.endpoint}, .timeout = milliseconds(400)});
  EXPECT_TRUE(look_up(*after_silence, "mx.a.test", Type::a));
  const int asked = silent.questions;
  EXPECT_TRUE(look_up(*after_silence, "a.test", Type::mx));
  EXPECT_EQ(silent.questions, asked) << "who was silent is asked last for a while";
}

Task<> ask_and_cancel(Resolver& resolver, std::vector<Io<Answer>>& results) {
  base::Group group;
  group.spawn(ask(resolver, {name("a.test"), Type::mx}, results[0]));
  group.spawn(ask(resolver, {name("b.test"), Type::mx}, results[1]));
  group.spawn(ask(resolver, {name("c.test"), Type::mx}, results[2]));
  EXPECT_EQ(group.size(), 2u) << "one past the limit";
  group.cancel();
  EXPECT_EQ(group.size(), 2u) << "nothing ends inside cancel()";
  co_await group.join();
}

TEST_F(RealResolverTest, look_ups_are_bounded_and_can_be_cancelled) {
  UdpServer server([](const Question&) { return std::nullopt; });
  const auto resolver =
      make_resolver(runner.loop, {.servers = {server.endpoint}, .in_flight_max = 2});
  std::vector<Io<Answer>> results(3, base::io_error(IoErrorCode::failed));
  runner.run(ask_and_cancel(*resolver, results));
  EXPECT_EQ(code(results[0]), IoErrorCode::cancelled);
  EXPECT_EQ(code(results[1]), IoErrorCode::cancelled);
  EXPECT_EQ(code(results[2]), IoErrorCode::busy);
}

Task<> ask_many(Resolver& resolver, int count, int& found) {
  std::vector<Io<Answer>> results(static_cast<std::size_t>(count));
  base::Group group;
  for (int i = 0; i < count; ++i) {
    group.spawn(ask(resolver, {name("none" + std::to_string(i) + ".a.test"), Type::a}, results[i]));
  }
  co_await group.join();
  for (const auto& result : results) found += result ? 1 : 0;
}

TEST_F(RealResolverTest, many_look_ups_at_once_all_come_back) {
  UdpServer server(zone);
  const auto resolver = make_resolver(runner.loop, {.servers = {server.endpoint}});
  int found = 0;
  runner.run(ask_many(*resolver, 500, found));
  EXPECT_EQ(found, 500);
}

TEST_F(RealResolverTest, an_answer_serves_no_longer_than_its_ttl) {
  UdpServer server([](const Question&) {
    dns::Message message;
    message.answers = {address("mx.a.test", "192.0.2.1")};
    message.answers[0].ttl = seconds(1);
    return message;
  });
  const auto resolver = make_resolver(runner.loop, {.servers = {server.endpoint}});
  EXPECT_TRUE(look_up(*resolver, "mx.a.test", Type::a));
  std::this_thread::sleep_for(milliseconds(2'100));
  EXPECT_TRUE(look_up(*resolver, "mx.a.test", Type::a));
  EXPECT_EQ(server.questions, 2);
}

TEST(ParseResolvConf, takes_the_servers_in_order) {
  EXPECT_EQ(
      parse_resolv_conf("# comment\nsearch a.example\nnameserver 192.0.2.1\n"
                        "nameserver\t2001:db8::1 # second\n nameserver 192.0.2.3\n"
                        "nameserverx 192.0.2.4\nnameserver nonsense\nnameserver 192.0.2.5"),
      (std::vector<Endpoint>{*Endpoint::parse("192.0.2.1:53"), *Endpoint::parse("[2001:db8::1]:53"),
                             *Endpoint::parse("192.0.2.5:53")}));
}

TEST(ParseResolvConf, is_the_local_host_without_servers) {
  EXPECT_EQ(parse_resolv_conf(""), std::vector<Endpoint>{*Endpoint::parse("127.0.0.1:53")});
}

TEST(ZoneFileText, escapes_what_a_zone_file_would_misread) {
  EXPECT_EQ(zone_file_text(name("a_b-c.test")), "a_b-c.test.");
  EXPECT_EQ(zone_file_text(name("a\\b\"(;@.test")), "a\\092b\\034\\040\\059\\064.test.");
  EXPECT_EQ(zone_file_text(Name()), ".");
}

}  // namespace
}  // namespace sys::real
