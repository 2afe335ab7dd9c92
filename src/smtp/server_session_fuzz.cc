#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.h"
#include "smtp/server_replies.h"
#include "smtp/server_session.h"

// Any octets, in any pieces, with any answers of the driver: what the session says is well-formed
// replies, and content comes only between a 354 and the reply that ends it.
namespace smtp {
namespace {

/// Takes choices off the end of the input, so that its beginning stays readable.
class Choices {
 public:
  explicit Choices(std::string_view octets) : octets_(octets) {}
  [[nodiscard]] unsigned next(unsigned bound) {
    if (octets_.empty()) return 0;
    const auto choice = static_cast<unsigned char>(octets_.back());
    octets_.remove_suffix(1);
    return choice % bound;
  }

 private:
  std::string_view octets_;
};

[[nodiscard]] Reply choose(Choices& choices, const Reply& otherwise) {
  switch (choices.next(8)) {
    case 5: return replies::unknown_recipient();
    case 6: return replies::no_resources();
    case 7: return {.code = 421, .enhanced = std::nullopt, .text = "a\nb"};
    default: return otherwise;
  }
}

class Fuzzer {
 public:
  Fuzzer(const ServerOptions& options, Choices choices)
      : session_(options, base::Instant{}), choices_(choices) {
    session_.greet();
  }

  void feed(std::string_view octets) {
    while (!octets.empty() && session_.state() != ServerState::closed) {
      const std::size_t piece = 1 + choices_.next(64);
      std::string_view rest = octets.substr(0, piece);
      octets.remove_prefix(rest.size());
      while (!rest.empty() && session_.state() != ServerState::closed) {
        const std::size_t used = session_.receive(rest, base::Instant{});
        PH_ASSERT(used <= rest.size());
        rest.remove_prefix(used);
        const bool asked = drain();
        PH_ASSERT(used > 0 || asked);
      }
      check_output();
    }
  }

 private:
  bool drain() {
    bool asked = false;
    while (auto event = session_.next_event()) {
      asked = true;
      std::visit([this](const auto& one) { handle(one); }, *event);
    }
    return asked;
  }

  void handle(const SenderProposed& event) {
    // What was parsed can be printed and parsed again.
    const auto& path = event.command.reverse_path;
    PH_ASSERT(grammar::ReversePath::parse(path.print()) == path);
    session_.answer(choose(choices_, replies::sender_ok()));
  }
  void handle(const RecipientProposed& event) {
    const auto& path = event.command.forward_path;
    PH_ASSERT(grammar::ForwardPath::parse(path.print()) == path);
    session_.answer(choose(choices_, replies::recipient_ok()));
  }
  void handle(const ContentProposed&) {
    PH_ASSERT(session_.recipients() > 0);
    content_.clear();
    session_.answer(choose(choices_, replies::start_content()));
  }
  void handle(const ContentChunk& event) {
    PH_ASSERT(session_.state() == ServerState::content || session_.state() == ServerState::chunk);
    content_ += event.octets;
  }
  void handle(const ContentEnded& event) {
    PH_ASSERT(event.octets == content_.size());
    check_content();
    session_.answer(choose(choices_, replies::accepted("x")));
  }
  void handle(const ContentAborted&) {}
  void handle(const TransactionReset&) { PH_ASSERT(session_.recipients() == 0); }
  void handle(const StartTls&) { session_.tls_started(); }
  void handle(const AuthStarted&) { answer_auth(); }
  void handle(const AuthResponse&) { answer_auth(); }
  void handle(const QueueStartProposed& event) {
    const bool has_name = event.command.domain.empty() != event.command.queue.empty();
    PH_ASSERT(has_name);
    session_.answer(replies::queue_started(event.command.queue, choices_.next(3)));
  }
  void handle(const AuthCancelled&) {}
  void handle(const CommandRefused& event) { PH_ASSERT(!event.reply.is_positive()); }

  void answer_auth() {
    switch (choices_.next(4)) {
      case 0: return session_.answer_auth_challenge("challenge");
      case 1: return session_.answer_auth(replies::authenticated());
      case 2: return session_.answer_auth(replies::too_many_password_checks());
      default: return session_.answer_auth(replies::wrong_credentials());
    }
  }

  /// Every CR is before an LF and every LF behind a CR. By BDAT the last line may have no end.
  void check_content() const {
    for (std::size_t i = 0; i < content_.size(); ++i) {
      if (content_[i] == '\r') PH_ASSERT(i + 1 < content_.size() && content_[i + 1] == '\n');
      if (content_[i] == '\n') PH_ASSERT(i > 0 && content_[i - 1] == '\r');
    }
  }

  void check_output() {
    std::string_view out = session_.output();
    while (!out.empty()) {
      const std::size_t end = out.find("\r\n");
      PH_ASSERT(end != std::string_view::npos && end + 2 <= reply_line_octets_max);
      const std::string_view line = out.substr(0, end);
      PH_ASSERT(line.size() >= 4 && line[0] >= '2' && line[0] <= '5');
      PH_ASSERT(line[3] == ' ' || line[3] == '-');
      for (const char c : line) PH_ASSERT(c >= ' ' && c <= '~');
      out.remove_prefix(end + 2);
    }
    session_.output_sent(session_.output().size());
  }

  ServerSession session_;
  Choices choices_;
  std::string content_;
};

[[nodiscard]] ServerOptions options_of(std::uint8_t flags) {
  ServerOptions options;
  options.hostname = "mx.example";
  options.message_size = 64;
  options.recipients = 2;
  options.etrn = (flags & 64) != 0;
  options.starttls = (flags & 1) != 0;
  options.tls_at_once = (flags & 2) != 0;
  options.auth_without_tls = (flags & 4) != 0;
  options.require_auth = (flags & 8) != 0;
  options.lmtp = (flags & 32) != 0;
  if ((flags & 16) != 0) options.auth_mechanisms = {"PLAIN", "LOGIN"};
  return options;
}

}  // namespace
}  // namespace smtp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const smtp::ServerOptions options = smtp::options_of(data[size - 1]);
  smtp::Fuzzer fuzzer(options, smtp::Choices(octets.substr(0, size - 1)));
  fuzzer.feed(octets);
  return 0;
}
