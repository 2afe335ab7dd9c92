#include <cstdio>
#include <variant>

#include "cli/arguments.h"
#include "cli/internal.h"

/// Introduces the command line to the command that it names.
int main(int argc, char** argv) {
  if (const auto status = cli::run_internal({argv, argv + argc})) return *status;
  const auto command = cli::parse_command_line({argv, argv + argc});
  if (!command) {
    std::fputs(command.error().text.c_str(),
               command.error().status == cli::exit_done ? stdout : stderr);
    return command.error().status;
  }
  return std::visit([](const auto& options) { return cli::run(options); }, *command);
}
