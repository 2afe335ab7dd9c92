#include "delivery/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "engine/signal.h"
#include "sasl/bearer.h"
#include "sys/disk.h"
#include "sys/programs.h"

namespace delivery {

using Result = std::expected<Token, std::string>;

/// What is known of one program's tokens.
struct Tokens::Made {
  crypto::Secret token;  ///< Empty: none.
  base::Instant until{};
  bool running = false;
  std::vector<engine::Signal*> waiting;
  std::optional<std::string> failure;  ///< Of the last run; nullopt: it was cut off, or went well.
};

namespace {

class NoInput final : public sys::ProgramInput {
 public:
  base::Io<std::string_view> next() override { return std::string_view(); }
};

/// The first line, if there is nothing but white space behind it.
[[nodiscard]] std::expected<crypto::Secret, std::string> only_line(std::string text) {
  const std::string_view line = base::trimmed(std::string_view(text).substr(0, text.find('\n')));
  const std::string_view rest =
      std::string_view(text).substr(std::min(text.find('\n'), text.size()));
  std::expected<crypto::Secret, std::string> out = std::unexpected("expected a token in one line");
  const bool is_end = std::ranges::all_of(rest, [](char c) { return c == '\n' || c == '\r'; });
  const std::string_view token = line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  if (is_end && sasl::is_token(token)) out = crypto::Secret(token);
  crypto::wipe(text);
  return out;
}

[[nodiscard]] std::expected<crypto::Secret, std::string> token_of(base::Io<sys::ProgramEnd> end) {
  if (!end) return std::unexpected(base::describe(end.error()));
  switch (end->how) {
    case sys::ProgramEnd::How::exited: break;
    case sys::ProgramEnd::How::killed:
      return std::unexpected(fmt::format("killed by signal {}", end->number));
    case sys::ProgramEnd::How::timed_out:
      return std::unexpected(fmt::format(
          "took more than {} s",
          std::chrono::duration_cast<std::chrono::seconds>(Tokens::program_time_max).count()));
  }
  if (end->number != 0) return std::unexpected(fmt::format("exit status {}", end->number));
  return only_line(std::move(end->output));
}

[[nodiscard]] std::string key_of(const std::vector<std::string>& command) {
  std::string out;
  for (const std::string& argument : command) out += argument + '\0';
  return out;
}

}  // namespace

/// The run of a program on behalf of all who want its token.
class Tokens::Run {
 public:
  explicit Run(Made& made) : made_(made) {
    made.running = true;
    made.failure.reset();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    made_.running = false;
    for (engine::Signal* waiter : std::exchange(made_.waiting, {})) waiter->notify();
  }

 private:
  Made& made_;
};

Tokens::Tokens(const World& world) : world_(world) {}
Tokens::~Tokens() = default;

base::Task<Result> Tokens::get(std::shared_ptr<const route::RouteAuth> auth) {
  if (!auth->token_file.empty()) co_return read(auth->token_file);
  co_return co_await make(std::move(auth));
}

Result Tokens::read(const std::string& path) {
  auto text = sys::read_file(world_.disk, path, sasl::token_octets_max + 2);
  if (!text) {
    return std::unexpected(fmt::format("token file {}: {}", path, base::describe(text.error())));
  }
  auto token = only_line(*std::move(text));
  if (!token) return std::unexpected(fmt::format("token file {}: {}", path, token.error()));
  return Token{.octets = *std::move(token)};
}

base::Task<Result> Tokens::make(std::shared_ptr<const route::RouteAuth> auth) {
  const std::string key = key_of(auth->token_command);
  bool waited = false;
  for (;;) {
    Made& made = made_of(key);
    if (!made.token.empty() && world_.loop.now() < made.until) {
      co_return Token{.octets = made.token.clone(), .kept = !waited};
    }
    if (waited && !made.running && made.failure) co_return std::unexpected(*made.failure);
    if (made.running) {
      engine::Signal signal(world_.loop);
      made.waiting.push_back(&signal);
      const base::Io<> woken = co_await signal.wait();
      if (!woken) {
        // Whoever is cancelled is still in the list.
        std::erase(made.waiting, &signal);
        co_return std::unexpected("stopped while it waited for a token");
      }
      waited = true;
      continue;
    }

    const Run run(made);
    NoInput input;
    const sys::Program program{.arguments = auth->token_command,
                               .time_max = program_time_max,
                               .output_octets_max = sasl::token_octets_max + 2};
    const base::Io<sys::ProgramEnd> end = co_await sys::run(world_.programs, program, input);
    const bool cut_off = !end && end.error().code == base::IoErrorCode::cancelled;
    auto token = token_of(end);
    if (!token) {
      const std::string text =
          fmt::format("token command {}: {}", program.arguments.front(), token.error());
      if (!cut_off) made.failure = text;
      co_return std::unexpected(text);
    }
    made.token = token->clone();
    made.until = world_.loop.now() + auth->token_lifetime;
    co_return Token{.octets = *std::move(token)};
  }
}

void Tokens::refused(const route::RouteAuth& auth, const crypto::Secret& token) {
  const auto known = made_.find(key_of(auth.token_command));
  if (known == made_.end()) return;
  if (crypto::equal_in_constant_time(known->second->token.reveal(), token.reveal())) {
    known->second->token = crypto::Secret();
  }
}

Tokens::Made& Tokens::made_of(const std::string& key) {
  if (const auto known = made_.find(key); known != made_.end()) return *known->second;
  if (made_.size() >= kept_max) {
    std::erase_if(
        made_, [](const auto& one) { return !one.second->running && one.second->waiting.empty(); });
  }
  return *(made_[key] = std::make_unique<Made>());
}

}  // namespace delivery
