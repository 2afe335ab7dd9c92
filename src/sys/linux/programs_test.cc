#include "sys/linux/programs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <optional>

#include "sys/linux/descriptor.h"
#include "sys/linux/runner.h"

namespace sys::real {
namespace {

using namespace std::chrono_literals;
using base::Io;
using base::IoErrorCode;
using How = ProgramEnd::How;

/// Text in blocks, and perhaps an error behind it.
class Text final : public ProgramInput {
 public:
  explicit Text(std::string text, std::size_t block = 128 * 1'024, Io<> end = {})
      : text_(std::move(text)), block_(block), end_(end) {}

  Io<std::string_view> next() override {
    const std::string_view piece = std::string_view(text_).substr(at_, block_);
    at_ += piece.size();
    if (piece.empty() && !end_) return std::unexpected(end_.error());
    return piece;
  }
  [[nodiscard]] std::size_t taken() const { return at_; }

 private:
  std::string text_;
  std::size_t block_;
  Io<> end_;
  std::size_t at_ = 0;
};

class ProgramsTest : public testing::Test {
 protected:
  Io<ProgramEnd> run(Program program, ProgramInput& input) {
    if (program.time_max == base::Duration()) program.time_max = 60s;
    std::optional<Io<ProgramEnd>> out;
    runner_.run(into(program, input, out));
    return std::move(*out);
  }
  Io<ProgramEnd> run(std::vector<std::string> arguments, std::string input = "") {
    Text text(std::move(input));
    return run(Program{.arguments = std::move(arguments), .output_octets_max = 4 << 20}, text);
  }
  Io<ProgramEnd> sh(const std::string& script, std::string input = "") {
    return run({"/bin/sh", "-c", script}, std::move(input));
  }
  std::string script(const std::string& name, const std::string& text, mode_t mode = 0755) {
    std::ofstream(folder_ / name) << text;
    ::chmod((folder_ / name).c_str(), mode);
    return folder_ / name;
  }

  Runner runner_;
  std::unique_ptr<Programs> programs_ = make_programs(runner_.loop);
  TemporaryFolder folder_;

 private:
  base::Task<> into(const Program& program, ProgramInput& input,
                    std::optional<Io<ProgramEnd>>& out) {
    out = co_await sys::run(*programs_, program, input);
  }
};

struct EndCase {
  const char* name;
  const char* script;
  How how;
  int number;
};

const EndCase end_cases[] = {
    {"success", "exit 0", How::exited, 0},
    {"the first sysexit", "exit 64", How::exited, 64},
    {"try again", "exit 75", How::exited, 75},
    {"the largest status", "exit 255", How::exited, 255},
    {"a signal", "kill -TERM $$", How::killed, SIGTERM},
    {"killed from outside", "kill -KILL $$", How::killed, SIGKILL},
};

TEST_F(ProgramsTest, the_end_is_told) {
  for (const EndCase& row : end_cases) {
    const Io<ProgramEnd> end = sh(row.script);
    ASSERT_TRUE(end) << row.name;
    EXPECT_EQ(end->how, row.how) << row.name;
    EXPECT_EQ(end->number, row.number) << row.name;
  }
}

TEST_F(ProgramsTest, input_arrives_whole_whatever_the_blocks) {
  std::string large;
  for (int i = 0; large.size() < (3 << 20); ++i) large += std::to_string(i) + "\n";
  for (const std::string& input :
       {std::string(), std::string("x"), std::string(65'536, 'p'), large}) {
    for (const std::size_t block : {std::size_t{1'000}, std::size_t{1} << 20}) {
      Text text(input, block);
      const auto end = run({.arguments = {"/bin/cat"}, .output_octets_max = 4 << 20}, text);
      ASSERT_TRUE(end);
      EXPECT_EQ(end->number, 0);
      EXPECT_TRUE(end->output == input) << input.size() << " " << block;
    }
  }
}

TEST_F(ProgramsTest, input_that_nobody_reads_is_no_failure) {
  const std::string large(4 << 20, 'x');
  EXPECT_EQ(run({"/bin/true"}, large)->number, 0);
  EXPECT_EQ(sh("exec <&-; echo done", large)->output, "done\n");
  EXPECT_EQ(sh("head -c 5", large)->output, "xxxxx");
}

TEST_F(ProgramsTest, of_the_output_only_the_first_octets_are_kept) {
  Text none("");
  const auto end =
      run({.arguments = {"/bin/sh", "-c", "echo out; echo err >&2; yes | head -c 3000000"},
           .output_octets_max = 10},
          none);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->number, 0);
  EXPECT_EQ(end->output, "out\nerr\ny\n");
}

TEST_F(ProgramsTest, arguments_are_not_interpreted) {
  const std::string show =
      script("show", "#!/bin/sh\nfor a in \"$@\"; do printf '<%s>' \"$a\"; done\n");
  const auto end = run({show, "a b", "", "$(id)", "`id`", "*", ";", "-x", "'\"\\", "\xc3\xa4\n"});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->output, "<a b><><$(id)><`id`><*><;><-x><'\"\\><\xc3\xa4\n>");
}

TEST_F(ProgramsTest, a_name_is_looked_for_in_fixed_folders_alone) {
  EXPECT_EQ(run({"echo", "hello"})->output, "hello\n");
  script("mine", "#!/bin/sh\n");
  const std::string before = ::getenv("PATH");
  ::setenv("PATH", folder_.path().c_str(), 1);
  EXPECT_EQ(run({"mine"}).error().code, IoErrorCode::not_found);
  EXPECT_EQ(run({"echo", "hello"})->output, "hello\n");
  ::setenv("PATH", before.c_str(), 1);
}

struct MissingCase {
  const char* name;
  std::vector<std::string> arguments;
  const char* directory;
  IoErrorCode want;
};

TEST_F(ProgramsTest, what_cannot_be_started) {
  const std::string no_program = script("text", "hello", 0644);
  const std::string no_interpreter = script("lost", "#!/no/such/interpreter\n");
  const MissingCase cases[] = {
      {"no such name", {"no-such-program"}, "/", IoErrorCode::not_found},
      {"no such path", {"/no/such/program"}, "/", IoErrorCode::not_found},
      {"empty name", {""}, "/", IoErrorCode::not_found},
      {"not executable", {no_program}, "/", IoErrorCode::denied},
      {"a folder", {"/usr/bin/"}, "/", IoErrorCode::denied},
      {"no interpreter", {no_interpreter}, "/", IoErrorCode::not_found},
      {"no such folder to start in", {"/bin/true"}, "/no/such/folder", IoErrorCode::not_found},
  };
  for (const MissingCase& row : cases) {
    Text none("");
    const auto end = run({.arguments = row.arguments, .directory = row.directory}, none);
    ASSERT_FALSE(end) << row.name;
    EXPECT_EQ(end.error().code, row.want) << row.name;
  }
}

TEST_F(ProgramsTest, the_environment_is_clean) {
  ::setenv("SECRET", "of ours", 1);
  Text none("");
  const auto end = run({.arguments = {"/usr/bin/env"}, .environment = {"SENDER=a b"}}, none);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->output, "PATH=/usr/local/bin:/usr/bin:/bin\nLANG=C\nSENDER=a b\n");
}

TEST_F(ProgramsTest, starts_in_its_folder) {
  Text none("");
  const auto end = run({.arguments = {"/bin/pwd"}, .directory = folder_.path()}, none);
  EXPECT_EQ(end->output, folder_.path() + "\n");
  EXPECT_EQ(run({"/bin/pwd"})->output, "/\n");
}

TEST_F(ProgramsTest, no_descriptor_of_ours_is_handed_on) {
  const int leaky = ::dup2(STDERR_FILENO, 100);  // Not to be closed by execve().
  ASSERT_EQ(leaky, 100);
  EXPECT_EQ(sh("ls /proc/$$/fd | grep -c ^100$; [ -e /proc/$$/fd/2 ] && echo two")->output,
            "0\ntwo\n");
  ::close(leaky);
}

TEST_F(ProgramsTest, it_leads_a_session_of_its_own) {
  EXPECT_EQ(sh("set -- $(cat /proc/$$/stat); [ $1 = $5 ] && [ $1 = $6 ] && echo yes")->output,
            "yes\n");
}

TEST_F(ProgramsTest, limits_are_in_force_from_the_start) {
  EXPECT_EQ(sh("ulimit -c; ulimit -Hc; ulimit -Hn")->output, "0\n0\n1024\n");
}

/// Ignores a signal for its lifetime, also those that sigaction() does not touch. As the kernel
/// takes it: handler, flags, restorer, mask.
class IgnoredSignal {
 public:
  explicit IgnoredSignal(int number) : number_(number) {
    const std::array<unsigned long, 4> ignored{1};
    ::syscall(SYS_rt_sigaction, number_, ignored.data(), before_.data(), std::size_t{8});
  }
  ~IgnoredSignal() {
    ::syscall(SYS_rt_sigaction, number_, before_.data(), nullptr, std::size_t{8});
  }
  IgnoredSignal(const IgnoredSignal&) = delete;
  IgnoredSignal& operator=(const IgnoredSignal&) = delete;

 private:
  int number_;
  std::array<unsigned long, 4> before_{};
};

TEST_F(ProgramsTest, signals_are_as_by_default) {
  const IgnoredSignal hangup(SIGHUP), of_the_threads(32);
  EXPECT_EQ(sh("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr '\\t' ' '")->output,
            "SigBlk: 0000000000000000\nSigIgn: 0000000000000000\n");
}

/// Whether a process lives; one that is only waited for does not.
bool lives(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return status >> number >> name >> state && state != "Z" && state != "X";
}

/// The system kills soon, not at once.
bool ends(pid_t pid) {
  for (int i = 0; i < 10'000 && lives(pid); ++i) ::usleep(1'000);
  return !lives(pid);
}

TEST_F(ProgramsTest, a_time_out_kills_it_and_its_children) {
  Text none("");
  const auto end = run({.arguments = {"/bin/sh", "-c", "trap '' TERM; sleep 1000 & echo $!; wait"},
                        .time_max = 300ms},
                       none);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->how, How::timed_out);
  EXPECT_TRUE(ends(std::stoi(end->output)));
}

TEST_F(ProgramsTest, what_it_leaves_running_goes_with_it) {
  const auto end = sh("sleep 1000 & echo $!");
  ASSERT_TRUE(end);  // Although the child holds the output open.
  EXPECT_EQ(end->number, 0);
  EXPECT_TRUE(ends(std::stoi(end->output)));
}

TEST_F(ProgramsTest, input_that_fails_kills_it) {
  Text broken("the first half", 4, base::io_error(IoErrorCode::failed, 5));
  const auto end = run({.arguments = {"/bin/cat"}}, broken);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error(), (base::IoError{IoErrorCode::failed, 5}));
}

TEST_F(ProgramsTest, input_is_asked_for_only_as_it_is_read) {
  Text text(std::string(16 << 20, 'x'), 64 * 1'024);
  const auto end = run({.arguments = {"/bin/sleep", "1000"}, .time_max = 300ms}, text);
  EXPECT_EQ(end->how, How::timed_out);
  EXPECT_LE(text.taken(), std::size_t{256} * 1'024);
}

base::Task<> expect_cancelled(Programs& programs, const Program& program, ProgramInput& input,
                              int& ended) {
  const auto end = co_await run(programs, program, input);
  EXPECT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, IoErrorCode::cancelled);
  ++ended;
}

base::Task<> cancel_all(Programs& programs, Loop& loop, base::Duration after,
                        const std::string& pid_file, pid_t& child) {
  const Program program{
      .arguments = {"/bin/sh", "-c", "sleep 1000 & echo $! >" + pid_file + "; wait"},
      .time_max = 1h};
  Text none("");
  int ended = 0;
  base::Group group;
  group.spawn(expect_cancelled(programs, program, none, ended));
  if (after > base::Duration()) {
    while (!(std::ifstream(pid_file) >> child)) {
      (void)co_await sleep_until(loop, loop.now() + 5ms);
    }
  }
  group.cancel();
  EXPECT_EQ(ended, 0);  // Never inside the cancel.
  co_await group.join();
  EXPECT_EQ(ended, 1);
}

TEST_F(ProgramsTest, cancelling_kills_it_at_any_moment) {
  for (const base::Duration after : {base::Duration(0), base::Duration(1)}) {
    pid_t child = 0;
    runner_.run(cancel_all(*programs_, runner_.loop, after, folder_ / "pid", child));
    if (child != 0) EXPECT_TRUE(ends(child));
  }
}

base::Task<> run_one(Programs& programs, std::string script, std::vector<std::string>& order) {
  const Program program{.arguments = {"/bin/sh", "-c", script}, .time_max = 1min};
  Text none("");
  const auto end = co_await run(programs, program, none);
  EXPECT_TRUE(end && end->number == 0);
  if (end) order.push_back(end->output);
}

base::Task<> run_many(Programs& programs, std::string folder, std::vector<std::string>& order) {
  // The first waits for the last: only side by side can they end.
  base::Group group;
  group.spawn(
      run_one(programs, "while [ ! -e " + folder + "/go ]; do sleep 0.01; done; echo slow", order));
  for (int i = 0; i < 15; ++i) group.spawn(run_one(programs, "echo fast", order));
  group.spawn(run_one(programs, "touch " + folder + "/go; echo fast", order));
  co_await group.join();
}

TEST_F(ProgramsTest, many_run_side_by_side) {
  std::vector<std::string> order;
  runner_.run(run_many(*programs_, folder_.path(), order));
  ASSERT_EQ(order.size(), 17u);
  EXPECT_EQ(std::ranges::count(order, "fast\n"), 16);
}

TEST_F(ProgramsTest, as_another_user_only_where_somebody_can_do_that) {
  Text none("");
  const Io<ProgramEnd> end = run(Program{.arguments = {"/bin/true"}, .run_as = "nobody"}, none);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, IoErrorCode::denied);
}

/// Starts what it is given as us, and counts.
struct Elsewhere {
  Spawned operator()(const Program& program) {
    ++started;
    Program ours = program;
    ours.run_as.clear();
    return spawn(ours);
  }
  std::atomic<int> started = 0;
};

base::Task<> run_elsewhere(Programs& programs, std::string script, int& ended) {
  const Program program{
      .arguments = {"/bin/sh", "-c", script}, .time_max = 1min, .run_as = "somebody"};
  Text none("");
  const auto end = co_await run(programs, program, none);
  if (end && end->number == 0) ++ended;
}

base::Task<> crowd_elsewhere(Programs& programs, Loop& loop, std::string folder, int& ended,
                             const std::atomic<int>& started) {
  base::Group group;
  for (int i = 0; i < 64; ++i) group.spawn(run_elsewhere(programs, "sleep 1000", ended));
  base::Group waiting;
  waiting.spawn(run_elsewhere(programs, "touch " + folder + "/cancelled", ended));
  base::Group last;
  last.spawn(run_elsewhere(programs, "exit 0", ended));
  while (started < 64) (void)co_await sleep_until(loop, loop.now() + 5ms);
  EXPECT_EQ(started, 64);
  waiting.cancel();
  co_await waiting.join();
  group.cancel();
  co_await group.join();
  co_await last.join();
}

TEST_F(ProgramsTest, elsewhere_so_many_run_and_the_others_wait) {
  Elsewhere elsewhere;
  programs_ = make_programs(runner_.loop, std::ref(elsewhere));
  int ended = 0;
  runner_.run(crowd_elsewhere(*programs_, runner_.loop, folder_.path(), ended, elsewhere.started));
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(elsewhere.started, 65);
  EXPECT_FALSE(std::ifstream(folder_ / "cancelled").good());
}

}  // namespace
}  // namespace sys::real
