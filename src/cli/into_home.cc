#include <limits.h>
#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/escape.h"
#include "base/group.h"
#include "cli/internal.h"
#include "cli/output.h"
#include "delivery/home_arguments.h"
#include "delivery/home_outcome.h"
#include "delivery/local_kind.h"
#include "delivery/maildir.h"
#include "delivery/mbox.h"
#include "route/target.h"
#include "sys/linux/disk.h"
#include "sys/linux/loop.h"

// Runs as the user whose home it is: what it may do is what that user may do, wherever symbolic
// links lead.
namespace cli {
namespace {

using base::Io;
using base::IoErrorCode;

int fail(std::string_view what) {
  complain(what);
  return EX_TEMPFAIL;
}

/// The whole message, or nothing.
bool read_message(std::string& message) {
  delivery::HomeBlocks blocks;
  std::array<char, 64 * 1'024> block;
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0 && blocks.ended();
    if (!blocks.take({block.data(), static_cast<std::size_t>(got)}, message)) return false;
  }
}

base::Task<> deliver(sys::Loop& loop, sys::Disk& disk, const delivery::HomeArguments& arguments,
                     const std::string& path, const std::string& message, Io<>& result) {
  std::vector<Io<>> results;
  if (arguments.target.starts_with("maildir:")) {
    std::vector<delivery::MaildirItem> items;
    items.push_back({.directory = path, .unique_name = arguments.name, .pieces = {message}});
    results = co_await delivery::deliver_batch(disk, std::move(items));
  } else {
    std::vector<delivery::MboxItem> items;
    items.push_back({.file = path,
                     .separator = arguments.separator,
                     .pieces = {message},
                     .repeated = arguments.repeated});
    results = co_await delivery::deliver_to_mbox(disk, loop, std::move(items));
  }
  result = results.front();
}

base::Task<> then_stop(base::Task<> task, sys::real::RealLoop& loop) {
  co_await std::move(task);
  loop.stop();
}

}  // namespace

int deliver_into_home(const std::vector<std::string>& words) {
  const auto arguments = delivery::parse_home_arguments(words);
  if (!arguments || ::geteuid() == 0) return fail("this is no delivery");
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // A limit on the size of files is an error like others.
  std::array<char, PATH_MAX> home{};
  if (::getcwd(home.data(), home.size()) == nullptr) return fail("the home has no path");
  std::string message;
  if (!read_message(message)) return fail("the message was cut short");
  const auto target = route::parse_deliver(arguments->target);
  const std::string path = std::string(home.data()) + target->argument.substr(1);
  sys::real::RealLoop loop;
  const auto disk = sys::real::make_disk({.regular_files_only = true});
  Io<> result;
  base::Group group;
  group.spawn(then_stop(deliver(loop, *disk, *arguments, path, message, result), loop));
  loop.run();
  if (result) return EX_OK;
  const base::IoError& error = result.error();
  if (error.code == IoErrorCode::no_space) {
    return fail(delivery::mailbox_full(error).substr(std::string_view("452 ").size()));
  }
  return fail(arguments->target + ": " + base::describe(error));
}

}  // namespace cli
