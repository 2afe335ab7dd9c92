#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "base/assert.h"
#include "smtp/client_session.h"

// A client session against a server that says anything. Input: two octets of options, then
// pieces, each one octet of length and what happens before it, and that many octets of the server.
namespace {

using smtp::ClientSession;

struct Count {
  int begun = 0;
  int done = 0;
  bool closed = false;
};

void work_off(ClientSession& session, base::Instant now, bool stalls, Count& count) {
  while (const auto event = session.next_event()) {
    PH_ASSERT(!count.closed);  // Closed is the last event.
    if (std::holds_alternative<smtp::StartTls>(*event)) session.tls_started(now);
    if (std::holds_alternative<smtp::LoginWanted>(*event)) {
      PH_ASSERT(session.tls_on());
      session.begin_login("X", std::nullopt, now);
    }
    if (const auto* challenge = std::get_if<smtp::LoginChallenge>(&*event)) {
      if (challenge->octets.empty()) session.abandon_login("");
      session.respond(challenge->octets, now);
    }
    if (std::holds_alternative<smtp::LoginEnded>(*event)) session.login_verified();
    if (std::holds_alternative<smtp::ContentWanted>(*event) && !stalls) session.content_ends(now);
    if (const auto* done = std::get_if<smtp::TransactionDone>(&*event)) {
      PH_ASSERT(done->recipients.size() == 3);
      PH_ASSERT(++count.done == count.begun);
    }
    count.closed = std::holds_alternative<smtp::Closed>(*event);
  }
  PH_ASSERT(count.closed == session.is_closed());
}

void begin(ClientSession& session, std::uint8_t options, std::uint8_t more, base::Instant now,
           Count& count) {
  ++count.begun;
  const std::string third = (more & 2) != 0 ? "<\xc3\xa4@y.test>" : "<c@z.test>";
  session.begin({.reverse_path = "<>",
                 .forward_paths = {"<a@z.test>", "<b@z.test>", third},
                 .dsn = {{1, ""}, {}, {14, "utf-8;\xc3\xa4@y.test"}},
                 .ret = smtp::DsnReturn::full,
                 .envid = "id",
                 .size = 1'000,
                 .eight_bit = (options & 8) != 0,
                 .needs_smtputf8 = (more & 4) != 0,
                 .all_or_nothing = (options & 16) != 0,
                 .ask_only = (more & 8) != 0},
                now);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view in(reinterpret_cast<const char*>(data), size);
  if (in.size() < 2) return 0;
  const auto options = static_cast<std::uint8_t>(in[0]);
  const auto more = static_cast<std::uint8_t>(in[1]);
  in.remove_prefix(2);
  smtp::ClientOptions client{.helo = "a.test",
                             .protocol = smtp::Protocol{static_cast<std::uint8_t>(more & 1)},
                             .tls = smtp::TlsPolicy{static_cast<std::uint8_t>((options & 3) % 3)},
                             .tls_on = (options & 32) != 0};
  client.login = (options & 4) != 0;
  const bool stalls = (options & 64) != 0;
  base::Instant now{};
  ClientSession session(client, now);
  Count count;
  while (!in.empty()) {
    const auto head = static_cast<std::uint8_t>(in[0]);
    in.remove_prefix(1);
    if (session.is_ready() && count.begun < 3) begin(session, options, more, now, count);
    if (session.is_ready() && count.begun == 3) session.quit(now);
    const std::string_view octets = in.substr(0, head & 0x7f);
    in.remove_prefix(octets.size());
    if ((head & 0x80) != 0) session.output_sent(session.output().size());
    session.receive(octets, now);
    work_off(session, now, stalls, count);
    if (head == 0 && session.deadline() != base::Instant::max()) {
      now = session.deadline();
      session.tick(now);
      work_off(session, now, stalls, count);
    }
  }
  session.connection_lost();
  work_off(session, now, stalls, count);
  PH_ASSERT(count.closed && count.done == count.begun);
  return 0;
}
