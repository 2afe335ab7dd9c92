#include "broker/rules.h"

#include <algorithm>
#include <array>

#include "delivery/home_arguments.h"
#include "delivery/pipe_command.h"
#include "directory/snapshot.h"
#include "route/alias_target.h"

namespace broker {
namespace {

/// The words of a program's ARGV, with their placeholders.
std::vector<std::string> words_of(const std::string& argv) {
  const delivery::PipeValues as_they_are{.local = "{local}",
                                         .domain = "{domain}",
                                         .sender = "{sender}",
                                         .recipient = "{recipient}",
                                         .extension = {},
                                         .id = {}};
  return delivery::pipe_arguments(argv, as_they_are);
}

/// What a program's environment may have from us: no option of a loader or an interpreter.
bool is_known_variable(std::string_view variable) {
  static constexpr std::array<std::string_view, 6> known{
      "SENDER=", "RECIPIENT=", "LOCAL=", "DOMAIN=", "EXTENSION=", "MESSAGE_ID="};
  return std::ranges::any_of(
      known, [variable](std::string_view name) { return variable.starts_with(name); });
}

/// Where a placeholder that begins `text` ends; 0: there is none.
std::size_t placeholder_end(std::string_view text) {
  static constexpr std::array<std::string_view, 4> known{"{local}", "{domain}", "{sender}",
                                                         "{recipient}"};
  for (const std::string_view name : known) {
    if (text.starts_with(name)) return name.size();
  }
  return 0;
}

}  // namespace

bool is_filled_in(std::string_view pattern, std::string_view argument) {
  // As of any pattern with stars: what the last star takes grows until the rest fits.
  std::size_t at = 0, in = 0, behind_star = pattern.npos, star_takes_to = 0;
  while (in < argument.size()) {
    const std::size_t star = placeholder_end(pattern.substr(std::min(at, pattern.size())));
    if (star > 0) {
      at += star;
      behind_star = at;
      star_takes_to = in;
    } else if (at < pattern.size() && pattern[at] == argument[in]) {
      ++at;
      ++in;
    } else if (behind_star != pattern.npos) {
      at = behind_star;
      in = ++star_takes_to;
    } else {
      return false;
    }
  }
  while (const std::size_t star = placeholder_end(pattern.substr(at))) at += star;
  return at == pattern.size();
}

Rules::Rules(const config::Config& config) : log_(config.log.file), privileges_(config.privileges) {
  for (const config::Listener& listener : config.listeners) {
    if (listener.unix_path.empty()) endpoints_.push_back(listener.address);
  }
  if (config.admin.address) endpoints_.push_back(*config.admin.address);
  for (const config::NamedFile& file : config.files) files_.insert(file.path);
  for (const auto& [name, target] : config.local_domains) add(target);
  for (const route::Rule& rule : config.routes.rules()) add(rule.via);
  for (const directory::Alias& alias : config.directory->aliases()) {
    for (const directory::LocalTarget& local : alias.local) {
      auto target = route::parse_alias_target(local.text);
      if (!target || local.run_as.empty()) continue;
      target->run_as = local.run_as;
      add(*target);
    }
  }
}

void Rules::add(const route::Target& target) {
  if (target.is_in_home()) homes_.insert(target.print());
  if (!target.run_as.empty()) programs_.emplace(target.argument, target.run_as);
}

bool Rules::may_listen(const base::Endpoint& endpoint) const {
  return std::ranges::find(endpoints_, endpoint) != endpoints_.end();
}

bool Rules::may_open(std::string_view path) const { return files_.contains(path); }

bool Rules::may_log(std::string_view path) const { return !log_.empty() && path == log_; }

bool Rules::may_run(const StartRun& run) const {
  if (run.into_home) {
    const auto arguments = delivery::parse_home_arguments(run.arguments);
    return arguments && run.environment.empty() && homes_.contains(arguments->target);
  }
  if (!std::ranges::all_of(run.environment, is_known_variable)) return false;
  return std::ranges::any_of(programs_, [&run](const auto& program) {
    const auto& [argv, user] = program;
    return user == run.user && std::ranges::equal(words_of(argv), run.arguments,
                                                  [](const auto& word, const auto& given) {
                                                    return is_filled_in(word, given);
                                                  });
  });
}

}  // namespace broker
