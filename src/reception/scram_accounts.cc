#include "reception/scram_accounts.h"

#include <utility>

#include "base/ascii.h"
#include "crypto/hash.h"

namespace reception {

namespace {

bool may_log_in(const directory::User& user) { return user.password && user.scram; }

/// One spelling for all names that lead to one account.
std::string canonical(std::string_view name) {
  const auto mailbox = grammar::Mailbox::parse(name);
  if (!mailbox) return base::lower(name);
  return base::lower(mailbox->local.value()) + '@' + std::string(mailbox->domain.canonical());
}

std::string keyed(std::string_view key, std::string_view purpose, std::string_view name) {
  std::string text(purpose);
  text += '\0';
  text += name;
  return std::string(crypto::octets_of(crypto::hmac_sha256(key, text)));
}

}  // namespace

ScramAccounts::ScramAccounts(std::shared_ptr<const directory::Snapshot> directory)
    : directory_(std::move(directory)) {
  for (const directory::User& user : directory_->users()) {
    if (may_log_in(user)) users_.push_back(&user);
  }
  if (users_.empty()) return;
  // Of things that nobody else knows; not even the user itself knows the salt of its hash.
  const std::string secrets = users_.front()->password->encode() + users_.front()->scram->print();
  key_ = crypto::octets_of(crypto::sha256(secrets));
}

ScramAccounts::Account ScramAccounts::find(std::string_view name) const {
  const directory::User* user = directory_->find_user(name);
  Account out{.user = nullptr, .verifier = decoy(canonical(name))};
  if (user != nullptr && may_log_in(*user)) out = {.user = user, .verifier = *user->scram};
  return out;
}

crypto::ScramVerifier ScramAccounts::decoy(const std::string& name) const {
  crypto::ScramVerifier out{.iterations = crypto::scram_iterations_default,
                            .salt = std::string(crypto::scram_salt_octets, '\0'),
                            .stored_key = keyed(key_, "stored", name),
                            .server_key = keyed(key_, "server", name)};
  if (!users_.empty()) {
    // Verifiers may differ in shape. Each name has always the same, and that of some account.
    const std::string digest = keyed(key_, "like", name);
    const std::size_t number = static_cast<unsigned char>(digest[0]) +
                               256u * static_cast<unsigned char>(digest[1]) +
                               65'536u * static_cast<unsigned char>(digest[2]);
    const crypto::ScramVerifier& like = *users_[number % users_.size()]->scram;
    out.iterations = like.iterations;
    out.salt.resize(like.salt.size());
  }
  const std::string octets = keyed(key_, "salt", name) + keyed(key_, "more salt", name);
  out.salt.replace(0, out.salt.size(), octets, 0, out.salt.size());
  return out;
}

}  // namespace reception
