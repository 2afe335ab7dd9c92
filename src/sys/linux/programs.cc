#include "sys/linux/programs.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <optional>
#include <set>

#include "sys/linux/connection.h"
#include "sys/linux/core.h"
#include "sys/linux/spawn.h"

namespace sys::real {

using base::Io;
using base::IoErrorCode;
using boost::system::error_code;

namespace {

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

/// So long after a kill we wait for the end of a program that hangs in the kernel; then it is left
/// to itself.
constexpr base::Duration kill_patience = std::chrono::seconds(5);

/// What is read of its output in one turn of the loop, and of what is left at its end.
constexpr std::size_t output_octets_at_once = 256 * 1'024;

class RealPrograms;

/// One run. Its handlers keep it alive, so that it may end while some of them are still to come.
class Run final : public std::enable_shared_from_this<Run> {
 public:
  Run(RealPrograms& owner, LoopCore& core, const Program& program, ProgramInput& input,
      Completion<ProgramEnd>& done)
      : owner_(owner),
        core_(core),
        program_(program),
        input_(input),
        done_(&done),
        timer_(core.io) {}

  void start(RealLoop& spawner);
  void cancel();

 private:
  /// One coming and going between the threads: first there, then back here.
  struct Errand : base::Posted {
    std::shared_ptr<Run> run_of;
  };

  void spawned();
  [[nodiscard]] Io<> watch_child(Child child);
  void watch_end();
  void ended(const error_code& error);
  void feed();
  [[nodiscard]] bool write_block();
  void wait_to_feed();
  void listen();
  /// False: nothing more will come.
  [[nodiscard]] bool take_output();
  void kill(std::optional<Io<ProgramEnd>> verdict);
  void set_timer(base::Duration wait);
  void out_of_time();
  void finish(Io<ProgramEnd> result);

  RealPrograms& owner_;
  LoopCore& core_;
  const Program& program_;
  ProgramInput& input_;
  Completion<ProgramEnd>* done_;  ///< Null at the end.
  Timer timer_;
  Errand errand_;
  std::optional<Io<Child>> spawned_;
  pid_t pid_ = 0;
  std::optional<Watched> ended_, in_, out_;
  std::string_view unwritten_;
  std::string output_;
  bool killed_ = false;
  /// What it comes to, whatever its end: decided when it was killed.
  std::optional<Io<ProgramEnd>> verdict_;
};

class RealPrograms final : public Programs {
 public:
  explicit RealPrograms(RealLoop& loop) : core_(loop.core()) {
    ::signal(SIGPIPE, SIG_IGN);
    // Whoever started us may have left it ignored; then there would be no end to wait for.
    ::signal(SIGCHLD, SIG_DFL);
  }
  ~RealPrograms() override { PH_ASSERT(runs_.empty()); }

  [[nodiscard]] Now<ProgramEnd> run(const Program& program, ProgramInput& input,
                                    Completion<ProgramEnd>& done) override {
    PH_ASSERT(!program.arguments.empty());
    if (!spawner_) spawner_.emplace("ph-programs");
    const auto run = std::make_shared<Run>(*this, core_, program, input, done);
    runs_.insert(run);
    done.set_cancel(run.get(), [](void* cancelled, base::Operation&) noexcept {
      static_cast<Run*>(cancelled)->cancel();
    });
    run->start(spawner_->loop());
    return std::nullopt;
  }

  void forget(const std::shared_ptr<Run>& run) { runs_.erase(run); }

 private:
  LoopCore& core_;
  std::set<std::shared_ptr<Run>> runs_;
  std::optional<LoopThread> spawner_;
};

void Run::start(RealLoop& spawner) {
  errand_.run_of = shared_from_this();
  errand_.run = [](base::Posted& there) noexcept {
    Run& run = *static_cast<Errand&>(there).run_of;
    run.spawned_ = spawn(run.program_);
    there.run = [](base::Posted& here) noexcept {
      const std::shared_ptr<Run> back = std::move(static_cast<Errand&>(here).run_of);
      back->spawned();
    };
    run.core_.loop.post(there, there);
  };
  spawner.post(errand_, errand_);
}

void Run::spawned() {
  Io<Child> child = std::move(*spawned_);
  if (!child) return finish(std::unexpected(child.error()));
  pid_ = child->pid;
  if (const Io<> watched = watch_child(std::move(*child)); !watched) {
    return finish(std::unexpected(watched.error()));
  }
  watch_end();
  if (verdict_) return kill(std::nullopt);  // Cancelled meanwhile.
  set_timer(program_.time_max);
  listen();
  feed();
}

Io<> Run::watch_child(Child child) {
  const auto into = [this](std::optional<Watched>& place, Descriptor& from) -> Io<> {
    Io<Watched> watched = watch(core_, std::move(from));
    if (!watched) return std::unexpected(watched.error());
    place.emplace(std::move(*watched));
    return {};
  };
  Io<> result = into(in_, child.input);
  if (result) result = into(out_, child.output);
  if (result) result = into(ended_, child.ended);
  if (result) return {};
  kill_group(pid_);
  (void)reap(pid_, true);
  return result;
}

void Run::watch_end() {
  ended_->async_wait(Watched::wait_read,
                     [self = shared_from_this()](const error_code& error) { self->ended(error); });
}

/// The leader is a zombie: its number still names the group, whose rest goes with it.
void Run::ended(const error_code& error) {
  if (done_ == nullptr) return;
  if (error) return watch_end();
  kill_group(pid_);
  std::optional<ProgramEnd> end = reap(pid_, false);
  if (!end) return watch_end();
  if (out_) (void)take_output();
  if (verdict_) {
    if (*verdict_) (*verdict_)->output = std::move(output_);
    return finish(std::move(*verdict_));
  }
  end->output = std::move(output_);
  finish(std::move(*end));
}

/// One block for each turn of the loop, so that a fast reader does not keep the others waiting.
void Run::feed() {
  if (done_ == nullptr || killed_ || !in_) return;
  if (unwritten_.empty()) {
    const Io<std::string_view> next = input_.next();
    if (!next) return kill(Io<ProgramEnd>(std::unexpected(next.error())));
    unwritten_ = *next;
    if (unwritten_.empty()) {
      in_.reset();  // The end of its input.
      return;
    }
  }
  if (write_block()) return wait_to_feed();
  in_.reset();  // It reads no more, and may end well all the same.
}

bool Run::write_block() {
  while (!unwritten_.empty()) {
    const ssize_t result = ::write(in_->native_handle(), unwritten_.data(), unwritten_.size());
    if (result >= 0) {
      unwritten_.remove_prefix(static_cast<std::size_t>(result));
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
  return true;
}

void Run::wait_to_feed() {
  in_->async_wait(Watched::wait_write, [self = shared_from_this()](const error_code& error) {
    if (!error) self->feed();
  });
}

void Run::listen() {
  out_->async_wait(Watched::wait_read, [self = shared_from_this()](const error_code& error) {
    if (error || self->done_ == nullptr || !self->out_) return;
    if (self->take_output()) return self->listen();
    self->out_.reset();
  });
}

bool Run::take_output() {
  std::array<char, read_octets_max>& buffer = *core_.buffer;
  for (std::size_t taken = 0; taken < output_octets_at_once;) {
    const ssize_t got = ::read(out_->native_handle(), buffer.data(), buffer.size());
    if (got == 0) return false;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(got));
    output_ += piece.substr(0, program_.output_octets_max - output_.size());
    taken += piece.size();
  }
  return true;
}

void Run::cancel() {
  verdict_.emplace(base::io_error(IoErrorCode::cancelled));
  if (pid_ != 0) kill(std::nullopt);
}

void Run::kill(std::optional<Io<ProgramEnd>> verdict) {
  if (verdict) verdict_ = std::move(verdict);
  killed_ = true;
  kill_group(pid_);
  in_.reset();
  set_timer(kill_patience);
}

void Run::set_timer(base::Duration wait) {
  timer_.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(wait));
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    const bool moved = self->timer_.expiry() > Timer::clock_type::now();
    if (!error && !moved && self->done_ != nullptr) self->out_of_time();
  });
}

void Run::out_of_time() {
  if (killed_) return finish(std::move(*verdict_));
  kill(Io<ProgramEnd>(ProgramEnd{.how = ProgramEnd::How::timed_out}));
}

void Run::finish(Io<ProgramEnd> result) {
  const std::shared_ptr<Run> self = shared_from_this();
  timer_.cancel();
  in_.reset();
  out_.reset();
  ended_.reset();
  owner_.forget(self);
  std::exchange(done_, nullptr)->complete(std::move(result));
}

}  // namespace

std::unique_ptr<Programs> make_programs(RealLoop& loop) {
  return std::make_unique<RealPrograms>(loop);
}

}  // namespace sys::real
