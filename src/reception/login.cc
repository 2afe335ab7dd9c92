#include "reception/login.h"

#include <utility>

#include "base/base64.h"
#include "smtp/server_replies.h"

namespace reception {

namespace {

class PasswordCheck final : public sys::Job {
 public:
  PasswordCheck(directory::Login login, crypto::Secret password)
      : login_(std::move(login)), password_(std::move(password)) {}
  void work() noexcept override { verdict_ = directory::verify(login_, password_); }
  [[nodiscard]] crypto::PasswordVerdict verdict() const { return verdict_; }

 private:
  directory::Login login_;
  crypto::Secret password_;
  crypto::PasswordVerdict verdict_ = crypto::PasswordVerdict::wrong;
};

smtp::Reply reply_to(sasl::FailureCode code) {
  switch (code) {
    case sasl::FailureCode::malformed:
    case sasl::FailureCode::too_long:
    case sasl::FailureCode::unexpected_state: return smtp::replies::bad_base64();
    case sasl::FailureCode::other_identity:
    case sasl::FailureCode::wrong_proof: return smtp::replies::wrong_credentials();
  }
  return smtp::replies::wrong_credentials();
}

}  // namespace

base::Task<> Login::started(smtp::AuthStarted event, smtp::ServerSession& session) {
  mechanism_ = sasl::make_server(event.mechanism);
  if (!mechanism_) {
    session.answer_auth(smtp::replies::unknown_mechanism());
    co_return;
  }
  std::optional<std::string_view> initial;
  if (event.initial_response) initial = *event.initial_response;
  sasl::Step step = mechanism_->start(initial);
  if (event.initial_response) crypto::wipe(*event.initial_response);
  co_await take(std::move(step), session);
}

base::Task<> Login::responded(smtp::AuthResponse event, smtp::ServerSession& session) {
  sasl::Step step = mechanism_->respond(event.octets);
  crypto::wipe(event.octets);
  co_await take(std::move(step), session);
}

base::Task<> Login::take(sasl::Step step, smtp::ServerSession& session) {
  if (const auto* needed = std::get_if<sasl::VerifierNeeded>(&step)) {
    if (random_ == nullptr) {
      mechanism_.reset();
      session.answer_auth(smtp::replies::authentication_unavailable());
      co_return;
    }
    step = give_verifier(std::string(needed->authentication_id));
  }
  if (const auto* challenge = std::get_if<sasl::Challenge>(&step)) {
    session.answer_auth_challenge(challenge->octets);
    co_return;
  }
  mechanism_.reset();
  if (const auto* failed = std::get_if<sasl::Failed>(&step)) {
    session.answer_auth(reply_to(failed->code));
  } else if (const auto* verified = std::get_if<sasl::Verified>(&step)) {
    end(*verified, session);
  } else {
    co_await check_password(std::move(std::get<sasl::Credentials>(step)), session);
  }
}

base::Task<> Login::check_password(sasl::Credentials credentials, smtp::ServerSession& session) {
  directory::Login login = directory_.find_login(credentials.authentication_id);
  const std::string user = login.user != nullptr ? login.user->mailbox.print() : std::string();
  PasswordCheck check(std::move(login), std::move(credentials.password));
  const auto ran = co_await base::operation<base::Io<>>(
      [&](sys::Completion<>& done) { return workers_.run(check, loop_, done); });
  if (!ran || check.verdict() == crypto::PasswordVerdict::no_memory) {
    session.answer_auth(smtp::replies::too_many_password_checks());
  } else if (check.verdict() == crypto::PasswordVerdict::right) {
    user_ = user;
    session.answer_auth(smtp::replies::authenticated());
  } else {
    session.answer_auth(smtp::replies::wrong_credentials());
  }
}

/// The client's work, not ours: a few digests, on the loop.
sasl::Step Login::give_verifier(const std::string& name) {
  const ScramAccounts::Account account = accounts_->find(name);
  std::string octets;
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t number = random_->next();
    octets.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  const std::string nonce = base::base64_encode(octets);
  return mechanism_->give_verifier(
      {.verifier = account.verifier, .exists = account.user != nullptr, .nonce = nonce});
}

void Login::end(const sasl::Verified& verified, smtp::ServerSession& session) {
  const directory::User* user = directory_.find_user(verified.authentication_id);
  if (user == nullptr) return session.answer_auth(smtp::replies::wrong_credentials());
  user_ = user->mailbox.print();
  session.answer_auth(smtp::replies::authenticated());
}

}  // namespace reception
