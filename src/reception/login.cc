#include "reception/login.h"

#include <utility>

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
    case sasl::FailureCode::other_identity: return smtp::replies::wrong_credentials();
  }
  return smtp::replies::wrong_credentials();
}

}  // namespace

base::Task<> Login::started(smtp::AuthStarted event, smtp::ServerSession& session,
                            const directory::Snapshot& directory) {
  mechanism_ = sasl::make_server(event.mechanism);
  if (!mechanism_) {
    session.answer_auth(smtp::replies::unknown_mechanism());
    co_return;
  }
  std::optional<std::string_view> initial;
  if (event.initial_response) initial = *event.initial_response;
  sasl::Step step = mechanism_->start(initial);
  if (event.initial_response) crypto::wipe(*event.initial_response);
  co_await take(std::move(step), session, directory);
}

base::Task<> Login::responded(smtp::AuthResponse event, smtp::ServerSession& session,
                              const directory::Snapshot& directory) {
  sasl::Step step = mechanism_->respond(event.octets);
  crypto::wipe(event.octets);
  co_await take(std::move(step), session, directory);
}

base::Task<> Login::take(sasl::Step step, smtp::ServerSession& session,
                         const directory::Snapshot& directory) {
  if (const auto* challenge = std::get_if<sasl::Challenge>(&step)) {
    session.answer_auth_challenge(challenge->octets);
    co_return;
  }
  mechanism_.reset();
  if (const auto* failed = std::get_if<sasl::Failed>(&step)) {
    session.answer_auth(reply_to(failed->code));
    co_return;
  }
  auto& credentials = std::get<sasl::Credentials>(step);
  directory::Login login = directory.find_login(credentials.authentication_id);
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

}  // namespace reception
