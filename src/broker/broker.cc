#include "broker/broker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "broker/channel.h"
#include "broker/rules.h"
#include "broker/runs.h"
#include "broker/trusted_file.h"
#include "broker/worker_process.h"
#include "sys/linux/socket.h"

namespace broker {

using base::Io;
using sys::real::Descriptor;
using namespace std::chrono_literals;

namespace {

// A worker that dies is started again, at first soon; one that lived long was not bad.
constexpr Clock::duration first_pause = 100ms;
constexpr Clock::duration last_pause = 30s;
constexpr Clock::duration good_life = 60s;
/// A worker ends by itself within 30 s of its order.
constexpr Clock::duration stop_patience = 40s;
constexpr std::chrono::milliseconds runs_patience = 5s;

constexpr int exit_failed = 1;
constexpr int exit_by_signal = 128;

/// With room for the rest of a message.
constexpr std::size_t mistakes_octets_max = message_octets_max - 1'024;

/// What a request comes to.
struct Outcome {
  Reply reply;
  std::vector<Descriptor> descriptors = {};
};

Outcome refused(int error) { return {.reply = {.error = error}}; }

Outcome given(Io<Descriptor> descriptor) {
  if (!descriptor) return refused(std::max(1, descriptor.error().system_error));
  Outcome out;
  out.descriptors.push_back(std::move(*descriptor));
  return out;
}

/// A file that is nowhere, of this text, that nobody can change.
Io<Descriptor> memory_file(const std::string& text) {
  Descriptor file(::memfd_create("posthaste-configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return sys::real::system_failure();
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t written = ::write(file.get(), rest.data(), rest.size());
    if (written < 0) return sys::real::system_failure();
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(file.get(), F_ADD_SEALS, seals) != 0) return sys::real::system_failure();
  return file;
}

/// A configuration and what it allows.
struct InForce {
  explicit InForce(Loaded from) : loaded(std::move(from)), rules(*loaded.config) {}
  Loaded loaded;
  Rules rules;
};

class Broker {
 public:
  Broker(Loaded first, const BrokerOptions& options)
      : options_(options), now_(std::make_unique<InForce>(std::move(first))) {}

  int run();

 private:
  void turn();
  [[nodiscard]] int wait_milliseconds() const;
  [[nodiscard]] std::optional<Clock::time_point> next_time() const;
  void take_signals();
  void stop(int signal);
  void start_worker();
  void look_after_worker();
  void worker_ended(const WorkerProcess::End& end);
  void serve_worker();

  [[nodiscard]] Outcome answer(const Request& request);
  [[nodiscard]] Outcome answer(const GetConfiguration& request);
  [[nodiscard]] Outcome answer(const TakenOver& request);
  [[nodiscard]] Outcome answer(const Ready& request);
  [[nodiscard]] Outcome answer(const Listen& request);
  [[nodiscard]] Outcome answer(const OpenFile& request);
  [[nodiscard]] Outcome answer(const OpenLog& request);
  [[nodiscard]] Outcome answer(const StartRun& request);

  /// Of the rules in force and, while a configuration is being taken over, of its.
  template <class Question>
  [[nodiscard]] const Rules* allowed_by(Question question) const {
    if (question(now_->rules)) return &now_->rules;
    if (next_ && question(next_->rules)) return &next_->rules;
    return nullptr;
  }

  const BrokerOptions& options_;
  std::unique_ptr<InForce> now_;
  std::unique_ptr<InForce> next_;  ///< Being taken over; or null.
  Identity identity_;
  Descriptor signals_;
  WorkerProcess worker_;
  Runs runs_;
  /// They stay open while no worker runs, so that nobody is turned away meanwhile.
  std::map<base::Endpoint, Descriptor> listeners_;

  bool was_ready_ = false;     ///< Once: what goes wrong from now on is not the end.
  bool worker_ready_ = false;  ///< This one.
  bool reload_wanted_ = false;
  bool stopping_ = false;
  Clock::time_point kill_at_{};  ///< While stopping.
  Clock::time_point started_{};  ///< The worker, last.
  Clock::time_point start_at_{};
  Clock::duration pause_ = first_pause;
  std::optional<int> status_;  ///< The end.
};

int Broker::run() {
  const auto identity = find_identity(now_->loaded.config->privileges.user);
  if (!identity || identity->uid == 0) {
    options_.complain("posthaste: privileges.user: there is no such system user");
    return exit_failed;
  }
  identity_ = *identity;
  sigset_t heard;
  sigemptyset(&heard);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&heard, signal);
  (void)::sigprocmask(SIG_BLOCK, &heard, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  signals_ = Descriptor(::signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return exit_failed;
  start_worker();
  while (!status_) turn();
  runs_.end_all(runs_patience);
  return *status_;
}

std::optional<Clock::time_point> Broker::next_time() const {
  std::optional<Clock::time_point> out = runs_.deadline();
  const auto add = [&out](Clock::time_point time) { out = std::min(out.value_or(time), time); };
  if (!worker_.runs()) add(start_at_);
  if (stopping_) add(kill_at_);
  return out;
}

int Broker::wait_milliseconds() const {
  const auto next = next_time();
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

void Broker::turn() {
  std::vector<pollfd> polled{{signals_.get(), POLLIN, 0}};
  if (worker_.runs()) {
    if (worker_.requests()) polled.push_back({worker_.requests().get(), POLLIN, 0});
    polled.push_back({worker_.ended().get(), POLLIN, 0});
  }
  runs_.add_polled(polled);
  (void)::poll(polled.data(), polled.size(), wait_milliseconds());
  take_signals();
  if (worker_.runs() && worker_.requests()) serve_worker();
  runs_.look(Clock::now());
  look_after_worker();
}

void Broker::take_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGTERM || signal == SIGINT) stop(signal);
    if (signal != SIGHUP) continue;
    reload_wanted_ = !worker_ready_;
    if (worker_ready_) worker_.order(Order::reload);
  }
}

void Broker::stop(int signal) {
  // Whoever asks twice does not want to wait. What was acknowledged is on the disk (P1).
  if (stopping_ || !worker_.runs()) {
    worker_.kill();
    status_ = stopping_ ? exit_by_signal + signal : 0;
    return;
  }
  stopping_ = true;
  kill_at_ = Clock::now() + stop_patience;
  options_.notify("STOPPING=1");
  worker_.order(Order::stop);
}

void Broker::start_worker() {
  started_ = Clock::now();
  worker_ready_ = false;
  next_.reset();
  if (const Io<> started = worker_.start(identity_); !started) {
    options_.complain("posthaste: cannot start the worker: " + base::describe(started.error()));
    worker_ended({.by_signal = false, .number = exit_failed});
  }
}

void Broker::look_after_worker() {
  const Clock::time_point now = Clock::now();
  if (status_) return;
  if (worker_.runs()) {
    if (stopping_ && now >= kill_at_) worker_.kill();
    if (const auto end = worker_.reap()) worker_ended(*end);
  } else if (now >= start_at_) {
    start_worker();
  }
}

void Broker::worker_ended(const WorkerProcess::End& end) {
  const std::string how =
      fmt::format("{} {}", end.by_signal ? "was ended by signal" : "ended with status", end.number);
  if (stopping_ || !was_ready_) {
    if (end.by_signal) options_.complain("posthaste: the worker " + how);
    status_ = end.by_signal ? exit_failed : end.number;
    return;
  }
  // What it has begun ends with it, before the next one begins the same.
  runs_.end_all(runs_patience);
  if (Clock::now() - started_ >= good_life) pause_ = first_pause;
  start_at_ = Clock::now() + pause_;
  options_.complain(
      fmt::format("posthaste: the worker {}; it is started again in {} ms", how,
                  std::chrono::duration_cast<std::chrono::milliseconds>(pause_).count()));
  pause_ = std::min(pause_ * 2, last_pause);
}

void Broker::serve_worker() {
  const Io<Packet> packet = receive_packet(worker_.requests(), false);
  if (!packet && packet.error().code == base::IoErrorCode::busy) return;
  // It is about to end; one that lives on gets nothing more.
  if (!packet && packet.error().code == base::IoErrorCode::closed) return worker_.hear_no_more();
  const auto request =
      packet && packet->descriptors.empty() ? decode_request(packet->octets) : std::nullopt;
  if (!request) {
    options_.complain("posthaste: the worker asked for something that is no request");
    return worker_.kill();
  }
  const Outcome outcome = answer(*request);
  std::vector<int> descriptors;
  for (const Descriptor& one : outcome.descriptors) descriptors.push_back(one.get());
  if (!send_packet(worker_.requests(), encode(outcome.reply), descriptors)) worker_.kill();
}

Outcome Broker::answer(const Request& request) {
  return std::visit([this](const auto& it) { return answer(it); }, request);
}

Outcome Broker::answer(const GetConfiguration& request) {
  if (request.anew) {
    auto loaded = options_.load();
    std::string problem = loaded ? std::string() : std::move(loaded.error());
    if (loaded && loaded->config->privileges.user != now_->loaded.config->privileges.user) {
      problem = "privileges.user: only a restart can change it";
    }
    if (!problem.empty()) {
      return {.reply = {.error = EINVAL, .text = problem.substr(0, mistakes_octets_max)}};
    }
    next_ = std::make_unique<InForce>(*std::move(loaded));
  }
  const Loaded& loaded = request.anew ? next_->loaded : now_->loaded;
  Outcome out = given(memory_file(loaded.text));
  if (out.reply.error == 0) out.reply.text = loaded.file;
  return out;
}

Outcome Broker::answer(const TakenOver& request) {
  if (next_ && request.done) now_ = std::move(next_);
  next_.reset();
  std::erase_if(listeners_, [this](const auto& one) { return !now_->rules.may_listen(one.first); });
  return {};
}

Outcome Broker::answer(const Ready& /*request*/) {
  if (!worker_ready_) {
    options_.complain(was_ready_ ? "posthaste: the worker is ready again" : "ready");
    if (!was_ready_) options_.notify("READY=1");
  }
  was_ready_ = worker_ready_ = true;
  if (std::exchange(reload_wanted_, false)) worker_.order(Order::reload);
  return {};
}

Outcome Broker::answer(const Listen& request) {
  const base::Endpoint& endpoint = request.endpoint;
  if (allowed_by([&](const Rules& rules) { return rules.may_listen(endpoint); }) == nullptr) {
    return refused(EPERM);
  }
  auto known = listeners_.find(endpoint);
  if (known == listeners_.end()) {
    Io<Descriptor> bound = sys::real::open_listener(endpoint, false);
    if (!bound) return given(std::move(bound));
    known = listeners_.emplace(endpoint, std::move(*bound)).first;
  }
  Descriptor copy(::fcntl(known->second.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return refused(errno);
  return given(std::move(copy));
}

Outcome Broker::answer(const OpenFile& request) {
  if (allowed_by([&](const Rules& rules) { return rules.may_open(request.path); }) == nullptr) {
    return refused(EPERM);
  }
  return given(open_trusted(request.path, O_RDONLY));
}

Outcome Broker::answer(const OpenLog& request) {
  if (allowed_by([&](const Rules& rules) { return rules.may_log(request.path); }) == nullptr) {
    return refused(EPERM);
  }
  return given(open_trusted_log(request.path, {identity_.uid, identity_.gid}));
}

Outcome Broker::answer(const StartRun& request) {
  const Rules* rules = allowed_by([&](const Rules& it) { return it.may_run(request); });
  if (rules == nullptr) return refused(EPERM);
  auto ends = runs_.start(request, *rules);
  if (!ends) return refused(ends.error());
  Outcome out;
  out.descriptors.push_back(std::move(ends->control));
  out.descriptors.push_back(std::move(ends->input));
  out.descriptors.push_back(std::move(ends->output));
  return out;
}

}  // namespace

int run(Loaded first, const BrokerOptions& options) {
  return Broker(std::move(first), options).run();
}

}  // namespace broker
