#include "delivery/client_login.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "base/base64.h"
#include "engine/timers.h"
#include "sys/clock.h"
#include "sys/workers.h"

namespace delivery {

namespace {

class SaltedPassword final : public sys::Job {
 public:
  SaltedPassword(const crypto::Secret& password, sasl::KeyNeeded needed)
      : password_(password.clone()), needed_(std::move(needed)) {}
  void work() noexcept override {
    key_ = crypto::scram_salted_password(password_, needed_.salt, needed_.iterations);
  }
  [[nodiscard]] crypto::Secret take() { return std::move(key_); }

 private:
  crypto::Secret password_;
  sasl::KeyNeeded needed_;
  crypto::Secret key_;
};

}  // namespace

std::string make_nonce(sys::Random& random) {
  std::string octets;
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t number = random.next();
    for (unsigned shift = 0; shift < 64; shift += 8) {
      octets.push_back(static_cast<char>(number >> shift));
    }
  }
  return base::base64_encode(octets);
}

void ClientLogin::begin(smtp::ClientSession& session, base::Instant now) {
  const sasl::ClientCredentials& credentials = *options_.credentials;
  const std::string_view name =
      sasl::choose_mechanism(session.capabilities().auth_mechanisms, credentials);
  if (name.empty()) {
    std::string wanted = credentials.mechanism;
    for (const std::string_view known : sasl::client_mechanisms(credentials.is_token)) {
      if (!credentials.mechanism.empty()) break;
      wanted += fmt::format("{}{}", wanted.empty() ? "" : " or ", known);
    }
    return session.abandon_login(fmt::format("AUTH {} is not offered", wanted));
  }
  mechanism_ = sasl::make_client(name, credentials, options_.nonce);
  const std::optional<crypto::Secret> initial = mechanism_->start();
  session.begin_login(name, initial ? std::optional(initial->reveal()) : std::nullopt, now);
}

base::Task<> ClientLogin::respond(smtp::LoginChallenge challenge, smtp::ClientSession& session,
                                  const engine::Timers& timers) {
  sasl::ClientStep step = mechanism_->respond(challenge.octets);
  if (auto* needed = std::get_if<sasl::KeyNeeded>(&step)) {
    crypto::Secret key;
    if (!co_await calculate(std::move(*needed), key)) {
      co_return session.abandon_login("too many logins at once");
    }
    step = mechanism_->give_key(key);
  }
  if (const auto* response = std::get_if<crypto::Secret>(&step)) {
    co_return session.respond(response->reveal(), timers.now());
  }
  const auto* given_up = std::get_if<sasl::GivenUp>(&step);
  session.abandon_login(given_up != nullptr ? given_up->why : "");
}

/// False: there is no room for it now.
base::Task<bool> ClientLogin::calculate(sasl::KeyNeeded needed, crypto::Secret& key) {
  SaltedPassword job(options_.credentials->secret, std::move(needed));
  if (options_.workers == nullptr) {
    job.work();
  } else {
    const auto ran = co_await base::operation<base::Io<>>(
        [&](sys::Completion<>& done) { return options_.workers->run(job, *options_.loop, done); });
    if (!ran) co_return false;
  }
  key = job.take();
  co_return true;
}

void ClientLogin::end(smtp::ClientSession& session) {
  if (mechanism_->is_complete()) return session.login_verified();
  session.abandon_login("the host says that we are logged in before we are");
}

}  // namespace delivery
