#include "sys/linux/programs.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <deque>
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

/// So many programs run elsewhere at once; others wait for their turn.
constexpr std::size_t elsewhere_max = 64;

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

  void start(RealLoop& there, const Spawner& spawner);
  void cancel();

 private:
  /// One coming and going between the threads: first there, then back here.
  struct Errand : base::Posted {
    std::shared_ptr<Run> run_of;
    const Spawner* spawner = nullptr;  ///< Of the owner.
  };

  void spawned();
  [[nodiscard]] Io<> watch_child();
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
  std::optional<Spawned> spawned_;
  std::unique_ptr<Child> child_;
  std::optional<Watched> ended_, in_, out_;
  std::string_view unwritten_;
  std::string output_;
  bool killed_ = false;
  /// What it comes to, whatever its end: decided when it was killed.
  std::optional<Io<ProgramEnd>> verdict_;
};

class RealPrograms final : public Programs {
 public:
  RealPrograms(RealLoop& loop, Spawner spawn_elsewhere)
      : core_(loop.core()), spawn_elsewhere_(std::move(spawn_elsewhere)) {
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
    if (program.run_as.empty() || !spawn_elsewhere_) {
      run->start(spawner_->loop(), spawn_here_);
    } else if (elsewhere_.size() < elsewhere_max) {
      start_elsewhere(run);
    } else {
      waiting_.push_back(run);
    }
    return std::nullopt;
  }

  /// False: it has been started.
  [[nodiscard]] bool stop_waiting(const std::shared_ptr<Run>& run) {
    return std::erase(waiting_, run) > 0;
  }
  void forget(const std::shared_ptr<Run>& run) {
    runs_.erase(run);
    if (elsewhere_.erase(run) == 0 || waiting_.empty()) return;
    const std::shared_ptr<Run> next = waiting_.front();
    waiting_.pop_front();
    start_elsewhere(next);
  }

 private:
  void start_elsewhere(const std::shared_ptr<Run>& run) {
    elsewhere_.insert(run);
    run->start(spawner_->loop(), spawn_elsewhere_);
  }

  LoopCore& core_;
  const Spawner spawn_here_ = spawn;
  const Spawner spawn_elsewhere_;
  std::set<std::shared_ptr<Run>> runs_;       ///< All of them.
  std::set<std::shared_ptr<Run>> elsewhere_;  ///< Those that run there,
  std::deque<std::shared_ptr<Run>> waiting_;  ///< and those that will.
  std::optional<LoopThread> spawner_;
};

void Run::start(RealLoop& there, const Spawner& spawner) {
  errand_.run_of = shared_from_this();
  errand_.spawner = &spawner;
  errand_.run = [](base::Posted& posted) noexcept {
    Run& run = *static_cast<Errand&>(posted).run_of;
    run.spawned_ = (*static_cast<Errand&>(posted).spawner)(run.program_);
    posted.run = [](base::Posted& here) noexcept {
      const std::shared_ptr<Run> back = std::move(static_cast<Errand&>(here).run_of);
      back->spawned();
    };
    run.core_.loop.post(posted, posted);
  };
  there.post(errand_, errand_);
}

void Run::spawned() {
  if (!*spawned_) return finish(std::unexpected(spawned_->error()));
  child_ = std::move(**spawned_);
  if (const Io<> watched = watch_child(); !watched) {
    return finish(std::unexpected(watched.error()));
  }
  watch_end();
  if (verdict_) return kill(std::nullopt);  // Cancelled meanwhile.
  set_timer(program_.time_max);
  listen();
  feed();
}

Io<> Run::watch_child() {
  const auto into = [this](std::optional<Watched>& place, Descriptor& from) -> Io<> {
    Io<Watched> watched = watch(core_, std::move(from));
    if (!watched) return std::unexpected(watched.error());
    place.emplace(std::move(*watched));
    return {};
  };
  Io<> result = into(in_, child_->input);
  if (result) result = into(out_, child_->output);
  if (result) result = into(ended_, child_->ended);
  if (result) return {};
  child_->kill();
  (void)child_->reap(true);
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
  child_->kill();
  std::optional<Io<ProgramEnd>> end = child_->reap(false);
  if (!end) return watch_end();
  if (out_) (void)take_output();
  if (verdict_) {
    if (*verdict_) (*verdict_)->output = std::move(output_);
    return finish(std::move(*verdict_));
  }
  if (*end) (*end)->output = std::move(output_);
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
  if (child_) return kill(std::nullopt);
  if (!owner_.stop_waiting(shared_from_this())) return;
  errand_.run_of = shared_from_this();
  errand_.run = [](base::Posted& posted) noexcept {
    const std::shared_ptr<Run> run = std::move(static_cast<Errand&>(posted).run_of);
    run->finish(std::move(*run->verdict_));
  };
  core_.loop.post(errand_, errand_);
}

void Run::kill(std::optional<Io<ProgramEnd>> verdict) {
  if (verdict) verdict_ = std::move(verdict);
  killed_ = true;
  child_->kill();
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

std::unique_ptr<Programs> make_programs(RealLoop& loop, Spawner spawn_elsewhere) {
  return std::make_unique<RealPrograms>(loop, std::move(spawn_elsewhere));
}

}  // namespace sys::real
