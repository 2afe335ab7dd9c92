#pragma once

#include <string>
#include <string_view>
#include <vector>

// What a pipe's program is started with.
namespace delivery {

struct PipeValues {
  std::string_view local;      ///< Of the mailbox, without quotes.
  std::string_view domain;     ///< Of the mailbox.
  std::string_view sender;     ///< The reverse-path's address; empty of the null reverse-path.
  std::string_view recipient;  ///< The address as it was given, with a detail behind a plus.
  std::string_view extension;  ///< The detail; mostly empty.
  std::string_view id;         ///< Of the message.
};

/// `pattern` split at spaces, and then `{local}` `{domain}` `{sender}` `{recipient}` filled in:
/// each stays inside its argument, whatever it is, and an argument that becomes empty stays, too.
///
/// Nothing is put before a value: of one that begins with `-` the program makes what it likes. A
/// pattern for a program with options therefore says `--` before the first placeholder that begins
/// an argument, or names the option in the same argument (`--from={sender}`); or the program reads
/// its environment.
[[nodiscard]] std::vector<std::string> pipe_arguments(std::string_view pattern,
                                                      const PipeValues& values);

/// `SENDER=…`, and so on: what no option parser can misunderstand.
[[nodiscard]] std::vector<std::string> pipe_environment(const PipeValues& values);

}  // namespace delivery
