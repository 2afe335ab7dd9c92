#include "lab/sender.h"

#include <algorithm>

#include "base/assert.h"
#include "lab/foreign_host.h"

namespace lab {

using namespace std::chrono_literals;

namespace {

constexpr base::Duration reply_time_max = 10min;
constexpr base::Duration retry_pause = 1min;
/// In octets, without its line end.
constexpr std::size_t line_octets = 72;

std::string domain_of(const std::string& address) { return address.substr(address.rfind('@') + 1); }

}  // namespace

Sender::Sender(sim::Machine& machine, const Books& books, const TrafficPlan& plan, Door door,
               std::uint64_t first, sim::Rng rng)
    : plan_(plan),
      door_(std::move(door)),
      books_(books),
      machine_(machine),
      loop_(machine_.make_loop("client")),
      timers_(loop_),
      first_(first),
      contents_seed_(rng.next()),
      rng_(rng),
      begin_(loop_.now() + plan_.start) {
  loop_.enter([this] { group_.spawn(run()); });
}

Sender::~Sender() { PH_ASSERT(has_ended()); }

void Sender::stop() {
  loop_.enter([this] {
    group_.cancel();
    timers_.stop();
  });
}

base::Instant Sender::due(std::uint64_t index) {
  const auto slot = plan_.over / static_cast<std::int64_t>(plan_.messages);
  const auto within = rng_.below(static_cast<std::uint64_t>(slot.count()));
  return begin_ + slot * static_cast<std::int64_t>(index) +
         base::Duration(static_cast<std::int64_t>(within));
}

base::Task<> Sender::run() {
  Message fresh{0, due(0)};
  while (fresh.index < plan_.messages || !waiting_.empty()) {
    const bool again =
        fresh.index == plan_.messages || (!waiting_.empty() && waiting_.front().due < fresh.due);
    const Message next = again ? waiting_.front() : fresh;
    if (next.due > loop_.now() && !co_await pause(loop_, next.due - loop_.now())) co_return;
    if (again) {
      waiting_.pop_front();
    } else {
      ++fresh.index;
      if (fresh.index < plan_.messages) fresh.due = due(fresh.index);
    }
    if (co_await submit(make(next.index)) == Verdict::later)
      waiting_.push_back({next.index, loop_.now() + retry_pause});
  }
}

/// The same at each try.
Sender::Letter Sender::make(std::uint64_t index) const {
  sim::Rng rng(contents_seed_ + index);
  Letter out{.token = token_for(first_ + index), .recipients = {}, .content = {}};
  if (plan_.together) {
    out.recipients = plan_.to;
  } else {
    out.recipients = {plan_.to[index % plan_.to.size()]};
  }
  const std::uint64_t octets =
      plan_.octets_min + rng.below(plan_.octets_max - plan_.octets_min + 1);
  out.content = "From: <" + plan_.from + ">\r\nTo: ";
  for (const std::string& to : out.recipients)
    out.content += (&to == &out.recipients.front() ? "<" : ",\r\n\t<") + to + ">";
  out.content += "\r\nSubject: " + out.token + "\r\nMessage-ID: <" + out.token + "@" +
                 domain_of(plan_.from) + ">\r\nDate: Tue, 01 Jan 2030 00:00:00 +0000\r\n\r\n";
  const std::string end = "the end of " + out.token + "\r\n";
  while (out.content.size() + end.size() + 2 < octets) {
    const std::size_t room = octets - out.content.size() - end.size() - 2;
    out.content += std::string(std::min(room, line_octets), 'x') + "\r\n";
  }
  out.content += end;
  return out;
}

void Sender::note(const Letter& letter, std::string_view what, std::string text, std::string to) {
  books_.journal.add(letter.token, {.time = loop_.now().time_since_epoch(),
                                    .where = "client",
                                    .what = std::string(what),
                                    .to = std::move(to),
                                    .host = door_.name,
                                    .text = std::move(text)});
}

base::Task<Sender::Connected> Sender::connect() {
  co_return co_await base::operation<Connected>([this](auto& done) {
    if (door_.unix_path.empty())
      return machine_.net(loop_).connect(door_.address, std::nullopt, done);
    return machine_.net(loop_).connect_unix(door_.unix_path, done);
  });
}

base::Task<Sender::Verdict> Sender::submit(Letter letter) {
  books_.ledger.sent(letter.token, letter.content, letter.recipients);
  books_.journal.begin(letter.token, plan_.from, letter.recipients, plan_.route);
  Connected connected = co_await connect();
  if (!connected) {
    note(letter, "waits", "no connection: " + base::describe(connected.error()));
    co_return Verdict::later;
  }
  engine::Channel channel(std::move(*connected), timers_);
  input_.clear();
  const Verdict verdict = co_await talk(channel, letter);
  co_await channel.close();
  co_return verdict;
}

base::Task<Sender::Verdict> Sender::talk(engine::Channel& channel, const Letter& letter) {
  Reply reply = co_await hear(channel);
  if (reply.first == '2') reply = co_await tell(channel, "EHLO client.test\r\n");
  if (reply.first == '2') reply = co_await tell(channel, "MAIL FROM:<" + plan_.from + ">\r\n");
  if (reply.first == '2') {
    const Verdict named = co_await name_recipients(channel, letter);
    if (named != Verdict::accepted) co_return named;
    reply = co_await tell(channel, "DATA\r\n");
    // No line of a content of ours begins with a dot.
    if (reply.first == '3') reply = co_await tell(channel, letter.content + ".\r\n");
  }
  if (reply.first == '2') {
    books_.ledger.acknowledged(letter.token);
    books_.journal.link_reply(letter.token, door_.name, reply.text);
    note(letter, "submitted", reply.text);
    (void)co_await tell(channel, "QUIT\r\n");
    co_return Verdict::accepted;
  }
  if (reply.first == '5') {
    for (const std::string& to : letter.recipients) books_.ledger.refused(letter.token, to);
  }
  note(letter, reply.first == '5' ? "refused" : "waits", reply.text);
  co_return reply.first == '5' ? Verdict::refused : Verdict::later;
}

/// Accepted: at least one was, and none must come later.
base::Task<Sender::Verdict> Sender::name_recipients(engine::Channel& channel,
                                                    const Letter& letter) {
  std::string route;
  for (const std::string& host : plan_.route) route += (route.empty() ? "@" : ",@") + host;
  if (!route.empty()) route += ':';
  Verdict out = Verdict::refused;
  for (const std::string& to : letter.recipients) {
    const Reply reply = co_await tell(channel, "RCPT TO:<" + route + to + ">\r\n");
    if (reply.first == '2') {
      out = Verdict::accepted;
    } else if (reply.first == '5') {
      books_.ledger.refused(letter.token, to);
      note(letter, "refused", reply.text, to);
    } else {
      note(letter, "waits", reply.text, to);
      co_return Verdict::later;
    }
  }
  co_return out;
}

base::Task<Sender::Reply> Sender::tell(engine::Channel& channel, std::string octets) {
  if (!co_await channel.write(octets, timers_.now() + reply_time_max))
    co_return Reply{.text = "the connection broke"};
  co_return co_await hear(channel);
}

base::Task<Sender::Reply> Sender::hear(engine::Channel& channel) {
  for (;;) {
    const std::size_t end = input_.find("\r\n");
    if (end == input_.npos) {
      const auto octets = co_await channel.read(timers_.now() + reply_time_max);
      if (!octets) co_return Reply{.text = "the connection broke"};
      input_ += *octets;
      continue;
    }
    std::string line = input_.substr(0, end);
    input_.erase(0, end + 2);
    if (line.size() > 3 && line[3] == '-') continue;
    if (line.empty()) co_return Reply{.text = "no reply"};
    const char first = line[0];
    co_return Reply{first, std::move(line)};
  }
}

}  // namespace lab
