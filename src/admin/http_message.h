#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

// HTTP/1.1 as far as the admin address speaks it [RFC9112]: requests without content, answers that
// are in memory.
namespace admin {

/// In octets, of a request line and its header section. [RFC9112 3] asks for 8,000 at least.
inline constexpr std::size_t http_header_octets_max = 8'192;

struct HttpRequest {
  std::string method;
  std::string path;          ///< Of the target, as it came; without the query.
  std::string query;         ///< Behind the `?`.
  bool has_content = false;  ///< It follows; nobody reads it, and the connection must end.
  bool keep_alive = false;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string content;
};

/// Makes requests of octets. Bounded: holds one header section, and what came with it.
class HttpReader {
 public:
  enum class Status : std::uint8_t {
    more,     ///< Octets are needed.
    request,  ///< take() gives one.
    refused,  ///< No HTTP request: answer `refusal()`, and close.
  };

  HttpReader();
  ~HttpReader();

  /// Takes octets from the peer; none, to look for another request in what is there.
  [[nodiscard]] Status receive(std::string_view octets);
  [[nodiscard]] HttpRequest take();
  [[nodiscard]] unsigned refusal() const { return refusal_; }
  /// A part of a request is here.
  [[nodiscard]] bool has_begun() const { return !held_.empty(); }

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::string held_;
  unsigned refusal_ = 400;
};

/// On the wire. `head`: without the content, but with its length [RFC9110 9.3.2].
[[nodiscard]] std::string print_http(const HttpResponse& response, bool head, bool keep_alive);

}  // namespace admin
