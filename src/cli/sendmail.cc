#include <poll.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/ascii.h"
#include "base/escape.h"
#include "cli/configuration.h"
#include "cli/files.h"
#include "cli/local_queue.h"
#include "cli/message_source.h"
#include "cli/message_text.h"
#include "cli/one_shot.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/sendmail_arguments.h"
#include "cli/sendmail_message.h"
#include "delivery/smtp_client.h"
#include "sys/linux/net.h"
#include "sys/linux/socket.h"

namespace cli {
namespace {

constexpr std::size_t message_octets_max = std::size_t{1} << 30;

int fail(int status, const std::string& text) {
  complain("posthaste: sendmail: " + text);
  return status;
}

/// Of the user who calls.
LocalSender local_sender(const std::string& hostname) {
  LocalSender out{.hostname = hostname, .login = {}, .full_name = {}};
  const passwd* user = ::getpwuid(::getuid());
  out.login = user != nullptr ? user->pw_name : "uid" + std::to_string(::getuid());
  const char* name = std::getenv("NAME");
  if (name != nullptr) {
    out.full_name = name;
  } else if (user != nullptr && user->pw_gecos != nullptr) {
    out.full_name = user->pw_gecos;
    out.full_name.resize(std::min(out.full_name.find(','), out.full_name.size()));
  }
  return out;
}

std::expected<smtp::Transaction, SendmailTrouble> make_transaction(const SendmailOptions& options,
                                                                   const LocalMessage& message) {
  smtp::Transaction out{.size = message.content.size(),
                        .eight_bit = !base::is_ascii(message.content),
                        .needs_smtputf8 = has_8bit_header(message.content),
                        .all_or_nothing = true};
  out.reverse_path = message.reverse_path.print(grammar::DomainForm::ascii);
  out.needs_smtputf8 |= message.reverse_path.needs_smtputf8();
  for (const grammar::ForwardPath& path : message.forward_paths) {
    out.forward_paths.push_back(path.print(grammar::DomainForm::ascii));
    out.needs_smtputf8 |= path.needs_smtputf8();
  }
  if (!options.notify.empty()) {
    const auto notify = parse_notify(options.notify);
    if (!notify) {
      return std::unexpected(SendmailTrouble{
          ex_usage, "-N: expected never, or success, failure, delay with commas between"});
    }
    out.dsn.assign(out.forward_paths.size(), {.notify = *notify, .orcpt = {}});
  }
  if (base::equal_nocase(options.ret, "full")) {
    out.ret = smtp::DsnReturn::full;
  } else if (base::equal_nocase(options.ret, "hdrs")) {
    out.ret = smtp::DsnReturn::headers;
  } else if (!options.ret.empty()) {
    return std::unexpected(SendmailTrouble{ex_usage, "-R: expected full or hdrs"});
  }
  out.envid = options.envid;
  return out;
}

/// The status for what the server said; complains of each reply once.
int judge(const LocalMessage& message, const std::vector<smtp::RecipientResult>& results,
          const delivery::SmtpClient& client) {
  using smtp::Verdict;
  int status = 0;
  std::string last;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const smtp::RecipientResult& result = results[i];
    if (result.verdict == Verdict::accepted || result.verdict == Verdict::abandoned) continue;
    const bool permanent =
        result.verdict == Verdict::permanent || result.verdict == Verdict::refused_here;
    const bool of_recipient = result.stage == smtp::Stage::rcpt;
    const int own = !permanent ? ex_tempfail : of_recipient ? ex_nouser : ex_unavailable;
    // What may come right by itself is not hidden behind what cannot, and the other way round.
    if (status == 0 || permanent) status = own;
    const std::string who =
        of_recipient ? message.forward_paths[i].mailbox.print() + ": " : std::string();
    const std::string reply =
        result.reply ? smtp::one_line(*result.reply) : client.closed_because();
    if (std::exchange(last, who + reply) != who + reply) {
      complain("posthaste: sendmail: " + base::escaped(who) + reply);
    }
  }
  return status;
}

struct Submission {
  const LocalMessage& message;
  const smtp::Transaction& transaction;
  const std::string& hostname;
  bool verbose;
};

base::Task<> submit(sys::Net& net, engine::Timers& timers, const Submission& submission,
                    std::string path, int& status) {
  delivery::SmtpClientOptions options;
  options.session.helo = submission.hostname;
  auto client = co_await delivery::SmtpClient::open(
      net, timers, {.name = "localhost", .endpoint = {}, .unix_path = std::move(path)}, options);
  if (!client) {
    status = fail(ex_tempfail, client.error().text);
    co_return;
  }
  MessageSource source(submission.message.content);
  const auto results = co_await (*client)->send(submission.transaction, source);
  status = judge(submission.message, results, **client);
  if (status == 0 && submission.verbose) print(smtp::one_line(*results.front().reply) + '\n');
  co_await (*client)->quit();
}

int talk(const Configuration& configuration, const SendmailOptions& options,
         const LocalTalk& talk) {
  const auto with_accounts = [&]() -> std::shared_ptr<const config::Config> {
    const auto whole = read_with_accounts(options.config);
    return whole ? whole->config : nullptr;
  };
  const auto status = talk_to_queue(*configuration.config, with_accounts, talk);
  return status ? *status : fail(ex_tempfail, status.error());
}

int deliver(const SendmailOptions& options, const Configuration& configuration) {
  const auto text = read_all(STDIN_FILENO, "stdin", message_octets_max);
  if (!text) return fail(ex_ioerr, text.error());
  const std::string& hostname = configuration.config->hostname;
  const auto message = make_local_message(*text, options, local_sender(hostname));
  if (!message) return fail(message.error().status, message.error().text);
  const auto transaction = make_transaction(options, *message);
  if (!transaction) return fail(transaction.error().status, transaction.error().text);
  return talk(configuration, options, [&](const std::string& path) {
    int status = ex_tempfail;
    sys::real::RealLoop loop;
    const auto net = sys::real::make_net(loop);
    engine::Timers timers(loop);
    const Submission submission{*message, *transaction, hostname, options.verbose};
    run_once(loop, timers, submit(*net, timers, submission, path, status));
    return status;
  });
}

/// Carries octets from stdin to the server, and from the server to stdout, until it closes.
int relay(const std::string& path) {
  const auto address = sys::real::SocketAddress::of_path(path);
  const sys::real::Descriptor server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!address || !server || ::connect(server.get(), address->get(), address->octets) != 0) {
    return fail(ex_tempfail, path + ": " + base::describe(base::from_errno(errno)));
  }
  std::array<char, 64 * 1024> block;
  std::array<pollfd, 2> watched{pollfd{server.get(), POLLIN, 0}, pollfd{STDIN_FILENO, POLLIN, 0}};
  for (;;) {
    if (::poll(watched.data(), watched.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return fail(ex_ioerr, base::describe(base::from_errno(errno)));
    }
    for (pollfd& from : watched) {
      if (from.fd < 0 || from.revents == 0) continue;
      const bool of_server = &from == watched.data();
      const ssize_t got = ::read(from.fd, block.data(), block.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 && of_server) return 0;
      if (got <= 0) {
        ::shutdown(server.get(), SHUT_WR);
        from.fd = -1;  // poll(2) passes over it.
        continue;
      }
      const std::string_view octets(block.data(), static_cast<std::size_t>(got));
      if (!write_all(of_server ? STDOUT_FILENO : server.get(), octets)) return ex_ioerr;
    }
  }
}

/// In the words of the other commands.
int as_other(const Command& command) {
  return std::visit([](const auto& options) { return run(options); }, command);
}

}  // namespace

int run(const SendmailOptions& options) {
  switch (options.mode) {
    case SendmailMode::nothing: return 0;
    case SendmailMode::print_queue:
      return as_other(QueueListOptions{.config = options.config}) == exit_done ? 0 : ex_tempfail;
    case SendmailMode::run_queue: {
      QueueActionOptions retry{
          .action = "retry", .config = options.config, .all = true, .quiet = true};
      return as_other(retry) == exit_done ? 0 : ex_tempfail;
    }
    case SendmailMode::deliver:
    case SendmailMode::smtp: break;
  }
  const auto configuration = read_configuration(options.config);
  if (!configuration) {
    print_mistakes(configuration.error());
    return ex_config;
  }
  if (options.mode == SendmailMode::deliver) return deliver(options, *configuration);
  return talk(*configuration, options, relay);
}

}  // namespace cli
