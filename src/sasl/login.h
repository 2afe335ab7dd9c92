#pragma once

#include <utility>

#include "sasl/mechanism.h"

namespace sasl {

/// Name and password in two messages: never standardised, but all that some clients know
/// (draft-murchison-sasl-login).
class LoginServer final : public ServerMechanism {
 public:
  [[nodiscard]] Step start(std::optional<std::string_view> initial) override;
  [[nodiscard]] Step respond(std::string_view octets) override;

 private:
  enum class State : std::uint8_t { fresh, name_asked, password_asked, ended };

  [[nodiscard]] Step take_name(std::string_view octets);
  [[nodiscard]] Step take_password(std::string_view octets);
  [[nodiscard]] Step fail(FailureCode code);

  State state_ = State::fresh;
  std::string name_;
};

/// Answers the first challenge with the name and the second with the password, whatever they say:
/// servers word them differently.
class LoginClient final : public ClientMechanism {
 public:
  LoginClient(std::string user, crypto::Secret password)
      : user_(std::move(user)), password_(std::move(password)) {}

  [[nodiscard]] std::optional<crypto::Secret> start() override { return std::nullopt; }
  [[nodiscard]] ClientStep respond(std::string_view challenge) override;
  [[nodiscard]] bool is_complete() const override { return challenges_ == 2; }

 private:
  std::string user_;
  crypto::Secret password_;
  int challenges_ = 0;
};

}  // namespace sasl
