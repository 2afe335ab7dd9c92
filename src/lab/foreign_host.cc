#include "lab/foreign_host.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/assert.h"

namespace lab {

using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t smtp_port = 25;
constexpr std::uint16_t lmtp_port = 24;
/// In octets: what its client may send in one line or chunk.
constexpr std::size_t chunk_octets_max = std::size_t{1} << 30;

/// What stands in the angle brackets.
std::string path_in(const std::string& line) {
  const std::size_t begin = line.find('<') + 1;
  return line.substr(begin, line.find('>') - begin);
}

std::string domain_of(const std::string& mailbox) {
  return base::lower(mailbox.substr(mailbox.rfind('@') + 1));
}

/// The octets of `BDAT octets [LAST]`.
std::optional<std::size_t> chunk_octets(const std::string& line) {
  const std::string_view digits =
      std::string_view(line).substr(std::min<std::size_t>(5, line.size()));
  std::size_t octets = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), octets);
  if (read.ec != std::errc() || octets > chunk_octets_max) return std::nullopt;
  return octets;
}

void reset(auto& session) {
  session.sender.reset();
  session.recipients.clear();
  session.content.clear();
}

}  // namespace

base::Task<bool> pause(sys::Loop& loop, base::Duration duration) {
  const auto slept = co_await base::operation<base::Io<>>(
      [&](auto& done) { return loop.sleep_until(loop.now() + duration, done); });
  co_return slept.has_value();
}

ForeignHost::ForeignHost(sim::World& world, const Books& books, std::string name,
                         const base::IpAddress& address, std::vector<std::string> domains,
                         Personality personality)
    : personality_(std::move(personality)),
      name_(std::move(name)),
      domains_(std::move(domains)),
      books_(books),
      machine_(world.make_machine(name_, {address.to_string()})),
      loop_(machine_.make_loop("main")),
      rng_(world.rng().fork()) {}

ForeignHost::ForeignHost(sim::World& world, const Books& books, sim::Machine& machine,
                         std::string unix_path, Personality personality)
    : personality_(std::move(personality)),
      name_(machine.name()),
      unix_path_(std::move(unix_path)),
      books_(books),
      machine_(machine),
      loop_(machine_.make_loop("lmtp")),
      rng_(world.rng().fork()) {}

ForeignHost::~ForeignHost() { PH_ASSERT(life_ == nullptr || has_ended()); }

base::Io<std::unique_ptr<sys::Listener>> ForeignHost::listen() {
  sys::Net& net = machine_.net(loop_);
  if (!unix_path_.empty()) return net.listen_unix(unix_path_, sys::UnixAccess::everybody);
  return net.listen({machine_.address(), personality_.lmtp ? lmtp_port : smtp_port});
}

void ForeignHost::boot() {
  PH_ASSERT(life_ == nullptr);
  life_ = std::make_unique<Life>(loop_);
  auto listener = listen();
  PH_ASSERT(listener.has_value());
  life_->listener = std::move(*listener);
  loop_.enter([this] { life_->group.spawn(accept_all()); });
}

void ForeignHost::stop() {
  loop_.enter([this] {
    life_->group.cancel();
    life_->timers.stop();
  });
}

bool ForeignHost::has_ended() const { return life_->group.size() == 0 && life_->timers.idle(); }

base::Task<> ForeignHost::accept_all() {
  for (;;) {
    Accepted accepted = co_await base::operation<Accepted>(
        [this](base::Completion<Accepted>& done) { return life_->listener->accept(done); });
    if (!accepted) co_return;
    ++sessions_;
    life_->group.spawn(serve(std::move(*accepted)));
  }
}

base::Task<> ForeignHost::serve(std::unique_ptr<sys::Connection> connection) {
  Session session;
  session.channel = std::make_unique<engine::Channel>(std::move(connection), life_->timers);
  if (personality_.silent) {
    while (co_await read(session)) session.input.clear();
    co_return;
  }
  if (!co_await say(session, "220 " + name_ + "\r\n")) co_return;
  for (;;) {
    const auto line = co_await read_line(session);
    if (!line || !co_await obey(session, *line)) break;
  }
  co_await session.channel->close();
}

base::Task<bool> ForeignHost::obey(Session& session, std::string line) {
  const std::string verb = base::lower(line.substr(0, 4));
  if (verb == "quit") {
    (void)co_await say(session, "221 2.0.0 bye\r\n");
    co_return false;
  }
  if (verb == "ehlo" || verb == "lhlo" || verb == "helo") co_return co_await greet(session, verb);
  if (verb == "star") co_return co_await break_handshake(session);
  if (verb == "rset") {
    reset(session);
    co_return co_await say(session, "250 2.0.0 ok\r\n");
  }
  if (verb == "bdat") co_return co_await take_chunk(session, std::move(line));
  if (rng_.chance(personality_.storm_per_mille))
    co_return co_await say(session, "451 4.3.0 come back\r\n");
  if (verb == "mail") {
    reset(session);
    session.sender = path_in(line);
    co_return co_await say(session, "250 2.1.0 ok\r\n");
  }
  if (verb == "rcpt") co_return co_await say(session, recipient(session, path_in(line)));
  if (verb != "data") co_return co_await say(session, "500 5.5.1 what?\r\n");
  co_return co_await take_data(session);
}

base::Task<bool> ForeignHost::break_handshake(Session& session) {
  // No handshake goes on like this.
  if (co_await say(session, "220 2.0.0 go on\r\n") && co_await pause(loop_, 1s))
    (void)co_await say(session, "this is no TLS\r\n");
  co_return false;
}

base::Task<bool> ForeignHost::greet(Session& session, std::string verb) {
  if (verb == "ehlo" && (!personality_.knows_ehlo || personality_.lmtp))
    co_return co_await say(session, "500 what?\r\n");
  std::vector<std::string> lines = {name_};
  if (verb != "helo") {
    lines.insert(lines.end(), personality_.offers.begin(), personality_.offers.end());
    if (personality_.breaks_tls) lines.emplace_back("STARTTLS");
  }
  std::string out;
  for (const std::string& line : lines) {
    out += (&line == &lines.back() ? "250 " : "250-") + line + "\r\n";
  }
  co_return co_await say(session, out);
}

std::string ForeignHost::recipient(Session& session, const std::string& path) {
  if (!session.sender) return "503 5.5.1 from whom?\r\n";
  const bool has_route = path.starts_with('@');
  if (has_route && personality_.refuses_routes) return "501 5.1.3 no source routes here\r\n";
  // A route may be ignored [RFC5321 C].
  const std::string mailbox = has_route ? path.substr(path.find(':') + 1) : path;
  std::string refusal = judge(session, mailbox);
  if (!refusal.empty()) return refusal;
  session.recipients.push_back(mailbox);
  return "250 2.1.5 ok\r\n";
}

std::string ForeignHost::judge(const Session& session, const std::string& mailbox) {
  if (!domains_.empty() && std::ranges::find(domains_, domain_of(mailbox)) == domains_.end())
    return "550 5.7.1 relaying denied\r\n";
  const std::string local = base::lower(mailbox.substr(0, mailbox.rfind('@')));
  if (personality_.unknown.contains(local) ||
      (!personality_.mailboxes.empty() && !personality_.mailboxes.contains(local)))
    return "550 5.1.1 nobody here has that name\r\n";
  if (loop_.now().time_since_epoch() < personality_.full_until)
    return "452 4.2.2 the mailbox is full\r\n";
  if (personality_.greylists > base::Duration()) {
    const auto [first, is_new] =
        greylist_.try_emplace(*session.sender + ' ' + mailbox, loop_.now());
    if (loop_.now() < first->second + personality_.greylists)
      return "451 4.7.1 greylisted, come back\r\n";
  }
  return {};
}

base::Task<bool> ForeignHost::take_data(Session& session) {
  if (session.recipients.empty()) co_return co_await say(session, "503 5.5.1 for whom?\r\n");
  if (!co_await say(session, "354 go on\r\n")) co_return false;
  for (;;) {
    const auto text = co_await read_line(session);
    if (!text) co_return false;
    if (*text == ".") break;
    session.content += text->starts_with('.') ? text->substr(1) : *text;
    session.content += "\r\n";
  }
  co_return co_await end_content(session);
}

base::Task<bool> ForeignHost::take_chunk(Session& session, std::string line) {
  const auto octets = chunk_octets(line);
  if (!octets) co_return co_await say(session, "501 5.5.4 how many?\r\n");
  while (session.input.size() < *octets)
    if (!co_await read(session)) co_return false;
  session.content += session.input.substr(0, *octets);
  session.input.erase(0, *octets);
  if (session.recipients.empty()) co_return co_await say(session, "503 5.5.1 for whom?\r\n");
  if (base::lower(line).ends_with("last")) co_return co_await end_content(session);
  co_return co_await say(session, "250 2.0.0 ok\r\n");
}

base::Task<bool> ForeignHost::end_content(Session& session) {
  const bool odd = ++contents_ % 2 == 1;
  if (personality_.closes_before_dot && odd) co_return false;
  if (rng_.chance(personality_.storm_per_mille)) {
    reset(session);
    co_return co_await say(session, "452 4.3.1 no room\r\n");
  }
  const bool closes = personality_.closes_after_dot && odd;
  std::string replies;
  for (const std::string& mailbox : session.recipients) {
    // Whether a reply that was said has been heard, only its client knows: a drop counts as none.
    const bool drops = rng_.chance(personality_.drops_per_mille);
    if (!personality_.forgets) keep(session, mailbox, !closes && !drops);
    if (drops) co_return false;
    if (replies.empty() || personality_.lmtp) replies += "250 2.0.0 taken\r\n";
  }
  reset(session);
  if (closes) co_return false;
  // Not said(): what was counted as heard must be sent.
  co_return co_await write(session, std::move(replies));
}

void ForeignHost::keep(const Session& session, const std::string& mailbox, bool replies) {
  const bool report = session.sender->empty() && is_report(session.content);
  if (report) {
    books_.ledger.reported(session.content);
  } else {
    books_.ledger.arrived(mailbox, session.content, replies);
  }
  books_.journal.link_content(session.content);
  books_.journal.add(token_in(session.content),
                     {.time = loop_.now().time_since_epoch(),
                      .where = name_,
                      .what = "kept",
                      .to = mailbox,
                      .text = replies ? "" : "and the connection closed without a reply",
                      .report = report});
}

base::Task<bool> ForeignHost::read(Session& session) {
  if (rng_.chance(personality_.drops_per_mille)) co_return false;
  const auto octets = co_await session.channel->read(life_->timers.now() + 24h);
  if (!octets) co_return false;
  session.input += *octets;
  co_return true;
}

base::Task<std::optional<std::string>> ForeignHost::read_line(Session& session) {
  for (;;) {
    const std::size_t end = session.input.find("\r\n");
    if (end != session.input.npos) {
      std::string line = session.input.substr(0, end);
      session.input.erase(0, end + 2);
      co_return line;
    }
    if (!co_await read(session)) co_return std::nullopt;
  }
}

base::Task<bool> ForeignHost::say(Session& session, std::string reply) {
  if (rng_.chance(personality_.drops_per_mille)) co_return false;
  co_return co_await write(session, std::move(reply));
}

base::Task<bool> ForeignHost::write(Session& session, std::string reply) {
  const bool slow = personality_.each_octet > base::Duration();
  for (std::size_t at = 0; at < reply.size();) {
    if (slow && !co_await pause(loop_, personality_.each_octet)) co_return false;
    const std::size_t octets = slow ? 1 : reply.size();
    const std::string_view piece = std::string_view(reply).substr(at, octets);
    if (!co_await session.channel->write(piece, life_->timers.now() + 1h)) co_return false;
    at += octets;
  }
  co_return true;
}

}  // namespace lab
