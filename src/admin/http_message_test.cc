#include "admin/http_message.h"

#include <gtest/gtest.h>

namespace admin {
namespace {

using namespace std::string_literals;
using Status = HttpReader::Status;

/// All that a reader makes of a stream that comes in pieces: `METHOD PATH?QUERY`, `+` when the
/// connection lives on; or `!STATUS`.
std::string read_all(std::string_view first, std::string_view second) {
  HttpReader reader;
  std::string out;
  for (const std::string_view piece : {first, second}) {
    std::string_view octets = piece;
    for (;;) {
      const Status status = reader.receive(octets);
      octets = {};
      if (status == Status::more) break;
      if (status == Status::refused) return out + '!' + std::to_string(reader.refusal());
      const HttpRequest request = reader.take();
      out += request.method + ' ' + request.path + '?' + request.query;
      out += request.keep_alive ? "+\n" : "\n";
    }
  }
  return out;
}

struct RequestCase {
  std::string name;
  std::string text;
  std::string want;
};

const std::string fill(http_header_octets_max, 'x');

/// Whose header section has so many octets.
std::string request_of(std::size_t octets) {
  const std::string start = "GET / HTTP/1.1\r\nX: ";
  return start + fill.substr(0, octets - start.size() - 4) + "\r\n\r\n";
}

const RequestCase request_cases[] = {
    {"the usual", "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "GET /metrics?+\n"},
    {"HEAD with a query", "HEAD /a?b=c&d HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /a?b=c&d+\n"},
    {"1.0 ends the connection", "GET / HTTP/1.0\r\n\r\n", "GET /?\n"},
    {"close is asked for", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "GET /?\n"},
    {"two in a row", "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n", "GET /a?+\nGET /b?+\n"},
    {"content is left, and ends the connection", "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n",
     "POST /?\n"},
    {"so is chunked content", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "POST /?\n"},
    {"an upgrade is not done", "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
     "GET /?\n"},
    {"a length that is none", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "!400"},
    {"another protocol", "EHLO me\r\n\r\n", "!400"},
    {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s, "!400"},
    {"NUL in the target", "GET /\0 HTTP/1.1\r\n\r\n"s, "!400"},
    {"nothing yet", "GET / HTTP/1.1\r\nHost:", ""},
    {"a header section of full size", request_of(http_header_octets_max), "GET /?+\n"},
    {"and one octet more", request_of(http_header_octets_max + 1), "!431"},
    {"that does not end", "GET / HTTP/1.1\r\nX: " + fill, "!431"},
};

TEST(http_reader, reads_requests_however_they_are_cut) {
  for (const RequestCase& test : request_cases) {
    EXPECT_EQ(read_all(test.text, ""), test.want) << test.name;
    const std::size_t step = test.text.size() > 1'000 ? 997 : 1;
    for (std::size_t cut = 0; cut < test.text.size(); cut += step) {
      const std::string_view text = test.text;
      EXPECT_EQ(read_all(text.substr(0, cut), text.substr(cut)), test.want)
          << test.name << " cut at " << cut;
    }
  }
}

TEST(http_reader, knows_whether_a_request_has_begun) {
  HttpReader reader;
  EXPECT_FALSE(reader.has_begun());
  EXPECT_EQ(reader.receive("GET"), Status::more);
  EXPECT_TRUE(reader.has_begun());
}

TEST(print_http, gives_the_length_of_what_head_leaves_out) {
  const HttpResponse response{.status = 200, .content_type = "text/plain", .content = "ok\n"};
  const std::string whole = print_http(response, false, true);
  EXPECT_EQ(whole,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\nok\n");
  EXPECT_EQ(print_http(response, true, true) + "ok\n", whole);
  const std::string refused =
      print_http({.status = 405, .content_type = "", .content = ""}, false, false);
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 405 Method Not Allowed\r\n")) << refused;
  EXPECT_NE(refused.find("\r\nAllow: GET, HEAD\r\nConnection: close\r\n\r\n"), refused.npos)
      << refused;
}

}  // namespace
}  // namespace admin
