#pragma once

#include <string>
#include <utility>

#include "sasl/mechanism.h"

// Logins by a bearer token [RFC6750] that somebody else has given us. The server refuses one by a
// challenge with its reasons, which is to be answered before it says so in its protocol.
namespace sasl {

/// Whether a text may be a token, so that it says nothing else to the server.
///
///     b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="        [RFC6750 2.1]
///
/// Deviates: any printable US-ASCII but space; not all who give tokens keep to it.
[[nodiscard]] bool is_token(std::string_view text);

/// In octets. What is longer is none: those of the large providers have 2,000 at most.
inline constexpr std::size_t token_octets_max = 8'192;

class BearerClient : public ClientMechanism {
 public:
  [[nodiscard]] std::optional<crypto::Secret> start() override;
  [[nodiscard]] ClientStep respond(std::string_view challenge) override;
  [[nodiscard]] bool is_complete() const override { return state_ == State::said; }

 protected:
  BearerClient(std::string user, crypto::Secret token)
      : user_(std::move(user)), token_(std::move(token)) {}
  [[nodiscard]] const std::string& user() const { return user_; }

 private:
  /// What stands before the token.
  [[nodiscard]] virtual std::string head() const = 0;
  /// Answers the reasons of a refusal.
  [[nodiscard]] virtual std::string_view resignation() const = 0;

  enum class State : std::uint8_t { fresh, said, refused };

  State state_ = State::fresh;
  std::string user_;
  crypto::Secret token_;
};

/// [RFC7628]
class OauthBearerClient final : public BearerClient {
 public:
  OauthBearerClient(std::string user, crypto::Secret token)
      : BearerClient(std::move(user), std::move(token)) {}

 private:
  [[nodiscard]] std::string head() const override;
  [[nodiscard]] std::string_view resignation() const override { return "\1"; }
};

/// What the large providers had before there was a standard, and most still ask for.
class Xoauth2Client final : public BearerClient {
 public:
  Xoauth2Client(std::string user, crypto::Secret token)
      : BearerClient(std::move(user), std::move(token)) {}

 private:
  [[nodiscard]] std::string head() const override;
  [[nodiscard]] std::string_view resignation() const override { return ""; }
};

}  // namespace sasl
