#pragma once

#include <expected>
#include <string>
#include <vector>

#include "cli/options.h"

namespace cli {

/// The process ends here: help or the version was asked for, or the command line is wrong.
struct EarlyExit {
  int status = exit_usage;
  std::string text;  ///< For stdout if the status is exit_done, else for stderr.
};

/// `arguments`: without the name of the program.
[[nodiscard]] std::expected<Command, EarlyExit> parse_arguments(
    const std::vector<std::string>& arguments);

/// The same with the name that the program was called by in front: it may be that of sendmail(8).
[[nodiscard]] std::expected<Command, EarlyExit> parse_command_line(
    const std::vector<std::string>& words);

}  // namespace cli
