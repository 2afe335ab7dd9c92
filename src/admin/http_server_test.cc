#include "admin/http_server.h"

#include <gtest/gtest.h>

#include "admin/metrics.h"
#include "sim/world.h"

namespace admin {
namespace {

using namespace std::chrono_literals;

const base::Endpoint admin_address = *base::Endpoint::parse("127.0.0.1:8025");

/// An HTTP server on a simulated machine, and clients of it there.
class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest()
      : machine_(world_.make_machine("a.test", {"192.0.2.1"})),
        loop_(machine_.make_loop("main")),
        timers_(loop_),
        server_(machine_.net(loop_), timers_, [](const HttpRequest& request) {
          return request.path == "/healthz" ? HttpResponse{.content = "ok\n"}
                                            : HttpResponse{.status = 404, .content = "none\n"};
        }) {
    loop_.enter([this] {
      EXPECT_TRUE(server_.listen(admin_address));
      serving_.spawn(server_.run());
    });
  }
  ~HttpServerTest() override {
    loop_.enter([this] { serving_.cancel(); });
    run([this] { return serving_.size() > 0; }, 1min);
    loop_.enter([this] { timers_.stop(); });
    run([this] { return !timers_.idle(); }, 1min);
  }

  void run(const std::function<bool()>& go_on, base::Duration limit) {
    (void)world_.run_while(go_on, limit);
  }

  /// Sends the pieces, with a pause before each, and returns all that comes until the end.
  base::Task<> talk(std::vector<std::string> pieces, base::Duration pause, std::string& got) {
    using Connected = base::Io<std::unique_ptr<sys::Connection>>;
    Connected connected = co_await base::operation<Connected>([this](auto& done) {
      return machine_.net(loop_).connect(admin_address, std::nullopt, done);
    });
    if (!connected) co_return;
    engine::Channel channel(std::move(*connected), timers_);
    for (const std::string& piece : pieces) {
      (void)co_await base::operation<base::Io<>>(
          [&](auto& done) { return loop_.sleep_until(loop_.now() + pause, done); });
      if (!co_await channel.write(piece, timers_.now() + 1min)) break;
    }
    for (;;) {
      const auto octets = co_await channel.read(timers_.now() + 10min);
      if (!octets) co_return;
      got += *octets;
    }
  }
  std::string ask(std::vector<std::string> pieces, base::Duration pause = 0s) {
    std::string got;
    base::Group group;
    loop_.enter([&] { group.spawn(talk(std::move(pieces), pause, got)); });
    run([&] { return group.size() > 0; }, 1h);
    EXPECT_EQ(group.size(), 0u) << "the connection does not end";
    return got;
  }

  sim::World world_{1};
  sim::Machine& machine_;
  sim::SimLoop& loop_;
  engine::Timers timers_;
  HttpServer server_;
  base::Group serving_;
};

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t out = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += what.size()) ++out;
  return out;
}

TEST_F(HttpServerTest, answers_and_keeps_the_connection) {
  const std::string got =
      ask({"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /healthz HTTP/1.1\r\n\r\n",
           "GET /other HTTP/1.1\r\nConnection: close\r\n\r\n"});
  EXPECT_EQ(count(got, "HTTP/1.1 200 OK\r\n"), 2u) << got;
  EXPECT_EQ(count(got, "\r\n\r\nok\n"), 1u) << got;
  EXPECT_EQ(count(got, "HTTP/1.1 404 Not Found\r\n"), 1u) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\nnone\n"));
}

TEST_F(HttpServerTest, refuses_other_methods_and_protocols) {
  const std::string posted = ask({"POST /healthz HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"});
  EXPECT_TRUE(posted.starts_with("HTTP/1.1 405 Method Not Allowed\r\n")) << posted;
  EXPECT_EQ(count(posted, "HTTP/1.1 "), 1u);
  const std::string chunked =
      ask({"GET /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n"});
  EXPECT_TRUE(chunked.starts_with("HTTP/1.1 413 Payload Too Large\r\n")) << chunked;
  const std::string smtp = ask({"EHLO me\r\nMAIL FROM:<a@b>\r\n\r\n"});
  EXPECT_TRUE(smtp.starts_with("HTTP/1.1 400 Bad Request\r\n")) << smtp;
}

TEST_F(HttpServerTest, a_slow_client_is_cut_off) {
  const base::Instant start = loop_.now();
  EXPECT_EQ(ask({"GET ", "/heal", "thz HT", "TP/1.1\r\n", "\r\n"}, 4s), "");
  EXPECT_EQ(ask({}), "") << "a silent one, too";
  EXPECT_LE(loop_.now() - start, 40s);
}

TEST_F(HttpServerTest, connections_are_bounded) {
  std::vector<std::string> got(HttpServer::connections_max + 1);
  base::Group group;
  loop_.enter([&] {
    for (std::string& text : got) {
      group.spawn(talk({"GET /healthz HTTP/1.0\r\n\r\n"}, 5s, text));
    }
  });
  run([&] { return group.size() > 0; }, 1h);
  std::size_t answered = 0;
  for (const std::string& text : got) answered += text.empty() ? 0 : 1;
  EXPECT_EQ(answered, HttpServer::connections_max);
  EXPECT_NE(ask({"GET /healthz HTTP/1.0\r\n\r\n"}), "");
}

TEST(metrics_page, prints_prometheus_text) {
  MetricsPage page;
  page.counter("a_total", "What has been.", 3);
  page.gauge("b", "What is.", 18'446'744'073'709'551'615u);
  EXPECT_EQ(page.text(),
            "# HELP a_total What has been.\n# TYPE a_total counter\na_total 3\n"
            "# HELP b What is.\n# TYPE b gauge\nb 18446744073709551615\n");
}

}  // namespace
}  // namespace admin
