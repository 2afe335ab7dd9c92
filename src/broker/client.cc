#include "broker/client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

namespace broker {

using base::Io;
using base::IoErrorCode;
using sys::real::Descriptor;

namespace {

/// A broker that takes longer is not well, and who is restarted finds out.
constexpr timeval patience{.tv_sec = 60, .tv_usec = 0};

/// The worker of a broker that was killed a moment ago may still hold its sockets.
constexpr int bind_tries = 20;
constexpr auto bind_pause = std::chrono::milliseconds(50);

constexpr std::size_t configuration_octets_max = std::size_t{64} << 20;

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "posthaste: the broker: %s\n", why);
  ::_exit(1);
}

/// Of a file that nobody else reads from here: the offset is shared.
std::expected<std::string, std::string> text_of(const Descriptor& file) {
  std::string out;
  std::string block(64 * 1'024, '\0');
  for (;;) {
    const ssize_t got =
        ::pread(file.get(), block.data(), block.size(), static_cast<off_t>(out.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected("the configuration cannot be read");
    if (got == 0) return out;
    out.append(block, 0, static_cast<std::size_t>(got));
    if (out.size() > configuration_octets_max) return std::unexpected("too large");
  }
}

/// A program that the broker runs for us.
class DistantChild final : public sys::real::Child {
 public:
  explicit DistantChild(Descriptor control) : control_(std::move(control)) {}

  void kill() noexcept override { end_sending(control_); }
  [[nodiscard]] std::optional<Io<sys::ProgramEnd>> reap(bool wait) noexcept override;

 private:
  Descriptor control_;
};

std::optional<Io<sys::ProgramEnd>> DistantChild::reap(bool wait) noexcept {
  const Io<Packet> packet = receive_packet(control_, wait);
  if (!packet && packet.error().code == IoErrorCode::busy) return std::nullopt;
  const auto end = packet ? decode_run_end(packet->octets) : std::nullopt;
  if (!end) return base::io_error(IoErrorCode::failed);
  using How = sys::ProgramEnd::How;
  switch (end->how) {
    case RunEnd::How::exited: return sys::ProgramEnd{.how = How::exited, .number = end->number};
    case RunEnd::How::killed: return sys::ProgramEnd{.how = How::killed, .number = end->number};
    case RunEnd::How::timed_out: return sys::ProgramEnd{.how = How::timed_out};
    case RunEnd::How::not_started: break;
  }
  return std::unexpected(base::from_errno(end->number));
}

}  // namespace

Client::Client(Descriptor requests) : requests_(std::move(requests)) {
  (void)::setsockopt(requests_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

Client::Answer Client::ask(const Request& request, std::size_t descriptors) {
  const std::string octets = encode(request);
  if (octets.size() > message_octets_max) return {.reply = {.error = E2BIG}, .descriptors = {}};
  const std::scoped_lock lock(mutex_);
  if (!send_packet(requests_, octets)) give_up("does not take requests");
  Io<Packet> packet = receive_packet(requests_);
  if (!packet) give_up("does not answer");
  auto reply = decode_reply(packet->octets);
  if (!reply) give_up("an answer that is none");
  if (packet->descriptors.size() != (reply->error == 0 ? descriptors : 0)) {
    give_up("an answer with other descriptors than were asked for");
  }
  return {.reply = *std::move(reply), .descriptors = std::move(packet->descriptors)};
}

Io<Descriptor> Client::ask_for_one(const Request& request) {
  Answer answer = ask(request, 1);
  if (answer.reply.error != 0) return std::unexpected(base::from_errno(answer.reply.error));
  return std::move(answer.descriptors.front());
}

std::expected<Client::Configuration, std::string> Client::configuration(bool anew) {
  Answer answer = ask(GetConfiguration{anew}, 1);
  if (answer.reply.error != 0) return std::unexpected(std::move(answer.reply.text));
  auto text = text_of(answer.descriptors.front());
  if (!text) return std::unexpected(std::move(text.error()));
  return Configuration{.file = std::move(answer.reply.text), .text = *std::move(text)};
}

void Client::taken_over(bool done) { (void)ask(TakenOver{done}, 0); }

void Client::ready() { (void)ask(Ready{}, 0); }

Io<Descriptor> Client::listen(const base::Endpoint& endpoint) {
  Io<Descriptor> out = ask_for_one(Listen{endpoint});
  for (int i = 1; i < bind_tries && !out && out.error().code == IoErrorCode::busy; ++i) {
    std::this_thread::sleep_for(bind_pause);
    out = ask_for_one(Listen{endpoint});
  }
  return out;
}

Io<Descriptor> Client::open(const std::string& path) { return ask_for_one(OpenFile{path}); }

Io<Descriptor> Client::open_log(const std::string& path) { return ask_for_one(OpenLog{path}); }

sys::real::Spawned Client::run(const sys::Program& program) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(program.time_max).count();
  Answer answer = ask(StartRun{.user = program.run_as,
                               .into_home = program.into_home,
                               .arguments = program.arguments,
                               .environment = program.environment,
                               .seconds_max = static_cast<std::uint32_t>(
                                   std::clamp<std::int64_t>(seconds, 1, 86'400))},
                      3);
  if (answer.reply.error != 0) return std::unexpected(base::from_errno(answer.reply.error));
  Descriptor control(::fcntl(answer.descriptors[0].get(), F_DUPFD_CLOEXEC, 0));
  if (!control) return sys::real::system_failure();
  auto child = std::make_unique<DistantChild>(std::move(control));
  child->ended = std::move(answer.descriptors[0]);
  child->input = std::move(answer.descriptors[1]);
  child->output = std::move(answer.descriptors[2]);
  sys::real::stop_blocking(child->input);
  sys::real::stop_blocking(child->output);
  return child;
}

}  // namespace broker
