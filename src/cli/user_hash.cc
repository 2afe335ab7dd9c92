#include "cli/options.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "cli/verifiers.h"

namespace cli {

int run(const UserHashOptions&) {
  const auto password = read_new_password();
  if (!password) {
    complain("posthaste: user hash: " + password.error());
    return exit_failed;
  }
  const auto verifiers = make_verifiers(*password);
  if (!verifiers) {
    complain("posthaste: user hash: not enough memory");
    return exit_failed;
  }
  const std::string text = "password = \"" + verifiers->password.encode() + "\"\nscram = \"" +
                           verifiers->scram.print() + "\"\n";
  return print(text) ? exit_done : exit_failed;
}

}  // namespace cli
