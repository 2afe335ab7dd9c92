#include "reception/session.h"
#include "smtp/server_replies.h"

// So many messages and recipients in so much time.
namespace reception {

using policy::RateLimits;

/// Of a client that has logged in: as whom. Of others, unless they may send anywhere: their
/// address.
std::optional<smtp::Reply> Session::message_rate_refusal() {
  const policy::Client client = policy_client();
  const base::Instant now = reception_.world_.loop.now();
  RateLimits& rates = reception_.rates_;
  if (client.authenticated) {
    constexpr auto what = RateLimits::What::messages_of_user;
    return rate_refusal(what, rates.count(what, login_.user(), now), "messages of yours");
  }
  if (!listener_.unix_path.empty() || policy::may_relay(settings_->relay, client)) return {};
  constexpr auto what = RateLimits::What::messages_of_client;
  return rate_refusal(what, rates.count(what, client.address, now), "messages from your address");
}

std::optional<smtp::Reply> Session::recipient_rate_refusal() {
  if (!session_.is_authenticated()) return {};
  constexpr auto what = RateLimits::What::recipients_of_user;
  const auto wait = reception_.rates_.wait(what, login_.user(), reception_.world_.loop.now());
  return rate_refusal(what, wait, "recipients of yours");
}

void Session::count_recipient() {
  if (!session_.is_authenticated()) return;
  constexpr auto what = RateLimits::What::recipients_of_user;
  (void)reception_.rates_.count(what, login_.user(), reception_.world_.loop.now());
}

std::optional<smtp::Reply> Session::rate_refusal(RateLimits::What what,
                                                 std::optional<base::Duration> wait,
                                                 std::string_view noun) {
  if (!wait) return {};
  ++reception_.counters_.rate_limited;
  rate_reason_ = "more than " + std::string(policy::key_of(what));
  return smtp::replies::rate_exceeded(noun, *wait);
}

}  // namespace reception
