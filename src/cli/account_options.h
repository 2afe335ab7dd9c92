#pragma once

#include <optional>
#include <string>

// What the commands about accounts and addresses were asked to do.
namespace cli {

struct UserAddOptions {
  std::string config;
  std::string address;
};
struct UserPasswdOptions {
  std::string config;
  std::string address;
};
struct UserRemoveOptions {
  std::string config;
  std::string address;
};
struct UserListOptions {
  std::string config;
  bool json = false;
};

struct RouteOptions {
  std::string config;
  std::string address;
  std::string client;                 ///< Empty: one that may relay.
  std::string user;                   ///< Empty: nobody has logged in.
  std::optional<std::string> sender;  ///< nullopt: not known.
  bool json = false;
};

// Each returns the exit status of the process.
[[nodiscard]] int run(const UserAddOptions& options);
[[nodiscard]] int run(const UserPasswdOptions& options);
[[nodiscard]] int run(const UserRemoveOptions& options);
[[nodiscard]] int run(const UserListOptions& options);
[[nodiscard]] int run(const RouteOptions& options);

}  // namespace cli
