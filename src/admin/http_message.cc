#include "admin/http_message.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>

namespace admin {

namespace http = boost::beast::http;
using Error = boost::system::error_code;

struct HttpReader::Parser {
  Parser() { it.header_limit(static_cast<std::uint32_t>(http_header_octets_max)); }
  http::request_parser<http::empty_body> it;
};

HttpReader::HttpReader() : parser_(std::make_unique<Parser>()) {}
HttpReader::~HttpReader() = default;

HttpReader::Status HttpReader::receive(std::string_view octets) {
  held_ += octets;
  // Only a whole header section is parsed: so the limit does not depend on how it comes in.
  const std::size_t end = held_.find("\r\n\r\n");
  const std::size_t size = end == held_.npos ? held_.size() : end + 4;
  if (size > http_header_octets_max) {
    refusal_ = 431;  // [RFC6585 5]
    return Status::refused;
  }
  if (end == held_.npos) return Status::more;
  Error error;
  (void)parser_->it.put(boost::beast::net::const_buffer(held_.data(), size), error);
  held_.erase(0, size);
  return parser_->it.is_header_done() ? Status::request : Status::refused;
}

HttpRequest HttpReader::take() {
  const auto& message = parser_->it.get();
  HttpRequest out;
  out.method = std::string_view(message.method_string());
  const std::string_view target = message.target();
  const std::size_t mark = target.find('?');
  out.path = target.substr(0, mark);
  if (mark != target.npos) out.query = target.substr(mark + 1);
  out.has_content = parser_->it.chunked() || parser_->it.content_length().value_or(0) != 0;
  // Content that nobody reads would be taken for the next request.
  out.keep_alive = parser_->it.keep_alive() && !out.has_content && !parser_->it.upgrade();
  parser_ = std::make_unique<Parser>();
  return out;
}

std::string print_http(const HttpResponse& response, bool head, bool keep_alive) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  out += std::string_view(http::obsolete_reason(static_cast<http::status>(response.status)));
  out += "\r\nContent-Type: " + response.content_type;
  out += "\r\nContent-Length: " + std::to_string(response.content.size());
  out += "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
  if (response.status == 405) out += "Allow: GET, HEAD\r\n";  // [RFC9110 15.5.6]
  if (!keep_alive) out += "Connection: close\r\n";
  out += "\r\n";
  if (!head) out += response.content;
  return out;
}

}  // namespace admin
