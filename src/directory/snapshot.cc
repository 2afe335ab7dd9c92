#include "directory/snapshot.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/assert.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

namespace directory {
namespace {

/// The same for all spellings of one address. A canonical domain has no `@`.
std::string key_of(std::string_view local, const grammar::Domain& domain) {
  std::string key = base::lower(local);
  key += '@';
  key += domain.canonical();
  return key;
}

/// Where the user's name may end in a local-part: at its end, and before each plus from the last to
/// the first.
std::vector<std::size_t> split_points(std::string_view local, bool plus_addressing) {
  std::vector<std::size_t> out = {local.size()};
  for (std::size_t end = local.size(); plus_addressing && end > 1; --end) {
    if (local[end - 1] == '+') out.push_back(end - 1);
  }
  return out;
}

std::string detail_of(std::string_view local, std::size_t split) {
  return split == local.size() ? std::string() : std::string(local.substr(split + 1));
}

/// The domain as configured; of the domain that stands for all others, the one that was asked for.
const grammar::Domain& name_of(const LocalDomain& domain, const grammar::Mailbox& recipient) {
  return domain.name.empty() ? recipient.domain : domain.name;
}

constexpr std::string_view postmaster = "postmaster";
constexpr std::string_view owner_prefix = "owner-";

}  // namespace

Snapshot::Snapshot(SnapshotParts parts) : parts_(std::move(parts)) {
  for (std::size_t i = 0; i < parts_.domains.size(); ++i) {
    PH_ASSERT(domain_by_name_.emplace(parts_.domains[i].name.canonical(), i).second);
  }
  by_key_.reserve(parts_.users.size() + parts_.aliases.size());
  for (std::size_t i = 0; i < parts_.users.size(); ++i) {
    const User& user = parts_.users[i];
    const User*& place = by_key_[key_of(user.mailbox.local.value(), user.mailbox.domain)].user;
    PH_ASSERT(place == nullptr);
    place = &user;
    if (user.password) users_with_login_.push_back(i);
    has_scram_ |= user.scram.has_value();
  }
  for (const Alias& alias : parts_.aliases) {
    const Alias*& place = by_key_[key_of(alias.address.local.value(), alias.address.domain)].alias;
    PH_ASSERT(place == nullptr);
    place = &alias;
  }
}

const LocalDomain* Snapshot::find_domain(const grammar::Domain& domain) const {
  const auto found = domain_by_name_.find(domain.canonical());
  if (found != domain_by_name_.end()) return &parts_.domains[found->second];
  if (parts_.every_other_domain && !domain.empty()) return &*parts_.every_other_domain;
  return nullptr;
}

Snapshot::Entry Snapshot::find(std::string_view local, const grammar::Domain& domain) const {
  const auto found = by_key_.find(key_of(local, domain));
  return found == by_key_.end() ? Entry{} : found->second;
}

const LocalDomain* Snapshot::domain_of(const grammar::Mailbox& recipient) const {
  if (!recipient.domain.empty()) return find_domain(recipient.domain);
  return parts_.domains.empty() ? nullptr : &parts_.domains.front();
}

const Alias* Snapshot::alias_of(const grammar::Mailbox& recipient,
                                const LocalDomain& domain) const {
  if (parts_.aliases.empty()) return nullptr;
  const std::string& local = recipient.local.value();
  // The longest name wins, be it an alias or a user.
  for (const std::size_t end : split_points(local, domain.plus_addressing)) {
    const Entry entry = find(std::string_view(local).substr(0, end), name_of(domain, recipient));
    if (entry.alias != nullptr || entry.user != nullptr) return entry.alias;
  }
  return nullptr;
}

const Alias* Snapshot::find_alias(const grammar::Mailbox& recipient) const {
  const LocalDomain* domain = domain_of(recipient);
  return domain == nullptr ? nullptr : alias_of(recipient, *domain);
}

Resolution Snapshot::resolve(const grammar::Mailbox& recipient) const {
  const LocalDomain* domain = domain_of(recipient);
  if (domain == nullptr) return {.kind = Resolution::Kind::not_local};
  const grammar::Domain& name = name_of(*domain, recipient);
  const std::string& local = recipient.local.value();

  // The longest name of a user wins, since a user's own name may contain a plus.
  std::size_t split = local.size();
  for (std::size_t end : split_points(local, domain->plus_addressing)) {
    split = end;
    if (const User* user = find(std::string_view(local).substr(0, end), name).user) {
      return {.kind = Resolution::Kind::mailbox,
              .mailbox = user->mailbox,
              .detail = detail_of(local, end),
              .domain = domain,
              .user = user};
    }
  }
  const std::string base = base::lower(std::string_view(local).substr(0, split));
  if (domain->recipients != Recipients::listed || base == postmaster) {  // [RFC5321 4.5.1]
    // A base that ends in a dot needs quotes, and may be too long with them.
    if (auto text = grammar::LocalPart::from_value(base)) {
      return {.kind = Resolution::Kind::mailbox,
              .mailbox = {.local = std::move(*text), .domain = name},
              .detail = detail_of(local, split),
              .domain = domain};
    }
  }
  return {.kind = Resolution::Kind::unknown, .domain = domain};
}

const User* Snapshot::find_user(const grammar::Mailbox& mailbox) const {
  return find(mailbox.local.value(), mailbox.domain).user;
}

const User* Snapshot::find_user(std::string_view name) const {
  const auto mailbox = grammar::Mailbox::parse(name);
  return mailbox ? find_user(*mailbox) : nullptr;
}

const LocalTarget* Snapshot::find_local_target(const grammar::Mailbox& alias,
                                               std::string_view text) const {
  const Alias* found = find(alias.local.value(), alias.domain).alias;
  if (found == nullptr) return nullptr;
  const auto target = std::ranges::find(found->local, text, &LocalTarget::text);
  return target == found->local.end() ? nullptr : &*target;
}

const grammar::Mailbox* Snapshot::find_owner(const grammar::Mailbox& list) const {
  const Entry entry = find(std::string(owner_prefix) + list.local.value(), list.domain);
  if (entry.alias != nullptr) return &entry.alias->address;
  return entry.user != nullptr ? &entry.user->mailbox : nullptr;
}

Login Snapshot::find_login(std::string_view name) const {
  const User* user = find_user(name);
  if (user != nullptr && user->password) return {.user = user, .hash = *user->password};
  if (users_with_login_.empty()) return {.hash = crypto::PasswordHash::decoy()};
  // Hashes may differ in cost. Each name costs always the same, and as much as some user's does.
  const auto digest = crypto::sha256(base::lower(name));
  const std::size_t number = digest[0] + 256u * digest[1] + 65'536u * digest[2];
  const User& like = parts_.users[users_with_login_[number % users_with_login_.size()]];
  return {.hash = crypto::PasswordHash::decoy(like.password->costs())};
}

crypto::PasswordVerdict verify(const Login& login, const crypto::Secret& password) {
  const crypto::PasswordVerdict verdict = login.hash.verify(password);
  const bool impossible = login.user == nullptr && verdict == crypto::PasswordVerdict::right;
  return impossible ? crypto::PasswordVerdict::wrong : verdict;
}

}  // namespace directory
