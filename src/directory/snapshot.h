#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crypto/password_hash.h"
#include "crypto/scram.h"
#include "directory/expansion.h"
#include "directory/sender_pattern.h"
#include "grammar/mailbox.h"

namespace directory {

/// Which recipients of a domain are known.
enum class Recipients : std::uint8_t {
  listed,  ///< Users and aliases, and their plus addresses.
  any,     ///< Every local-part.
  ask,     ///< The listed ones, and those that the LMTP server behind the domain takes.
};

/// A domain whose mailboxes are here.
struct LocalDomain {
  grammar::Domain name;
  std::string deliver;  ///< As in the configuration: "maildir:/var/mail/{domain}/{local}".
  Recipients recipients = Recipients::listed;
  bool plus_addressing = true;  ///< user+detail@ → user@
  /// Of a domain with listed recipients: takes what is not listed. An address here.
  std::optional<grammar::Mailbox> catch_all = {};
  bool system_users = false;  ///< Mailboxes are in the homes of the machine's users.
};

struct User {
  grammar::Mailbox mailbox;                         ///< In its own spelling; also the login name.
  std::optional<crypto::PasswordHash> password;     ///< nullopt: no login.
  std::vector<SenderPattern> may_send_as;           ///< Beside its own.
  std::optional<crypto::ScramVerifier> scram = {};  ///< nullopt: no login by SCRAM.
  /// The machine's user in whose home the mailbox is, in its own spelling; empty: none is.
  std::string system_user = {};
};

struct SnapshotParts {
  std::vector<LocalDomain> domains;  ///< Each once. The first one is that of `<postmaster>`.
  std::vector<User> users;           ///< Each once, in one of the domains.
  std::vector<Alias> aliases = {};   ///< Each address once, in one of the domains.
  /// Takes every domain that is not in `domains` (the sandbox). Its name is not used.
  std::optional<LocalDomain> every_other_domain;
};

/// What an address means here.
struct Resolution {
  enum class Kind : std::uint8_t {
    not_local,  ///< Not a domain of ours.
    unknown,    ///< A domain of ours, but no such recipient: 550 5.1.1.
    mailbox,    ///< Goes into `mailbox`.
  };
  Kind kind = Kind::not_local;
  /// In its own spelling: the user's; without a user, the domain as configured and the local-part
  /// in lower case, so that all spellings of an address lead to one folder.
  grammar::Mailbox mailbox = {};
  std::string detail = {};              ///< Behind the plus; mostly empty.
  const LocalDomain* domain = nullptr;  ///< Of `mailbox`. Lives as long as the snapshot.
  const User* user = nullptr;           ///< Or nullptr: `any`, `ask`, or postmaster without a user.
};

/// Whose password to check, and against what.
struct Login {
  const User* user = nullptr;  ///< nullptr: no such user, or one without login: never right.
  crypto::PasswordHash hash;   ///< For nobody, a decoy of the same cost [RFC4954 4].
};

/// All that is known about addresses at one moment. Immutable, so that any thread may ask it
/// without a lock; a reload makes a new one. Answers come from memory.
class Snapshot {
 public:
  explicit Snapshot(SnapshotParts parts);
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  [[nodiscard]] const LocalDomain* find_domain(const grammar::Domain& domain) const;

  /// The mailbox that a recipient has here, whatever aliases say: for delivery. One without a
  /// domain (`<postmaster>`) is the postmaster of the first domain [RFC5321 4.1.1.3]; without any
  /// domain it is not local. Local-parts compare without case (ASCII).
  [[nodiscard]] Resolution resolve(const grammar::Mailbox& recipient) const;

  /// What a forward-path's mailbox becomes at its acceptance: aliases are expanded fully, and what
  /// is unknown goes to `catch_all`. The cost does not depend on how many addresses there are.
  [[nodiscard]] Expansion expand(const grammar::Mailbox& recipient) const;

  /// The alias that a recipient is, or is a plus address of; nullptr: none.
  [[nodiscard]] const Alias* find_alias(const grammar::Mailbox& recipient) const;

  /// The user of exactly this address (no plus addresses); nullptr: none.
  [[nodiscard]] const User* find_user(const grammar::Mailbox& mailbox) const;
  /// The same for the text of a login name.
  [[nodiscard]] const User* find_user(std::string_view name) const;

  /// The program or file of this text that the alias of exactly this address leads to; nullptr:
  /// none.
  [[nodiscard]] const LocalTarget* find_local_target(const grammar::Mailbox& alias,
                                                     std::string_view text) const;

  /// For AUTH: never tells by its shape or cost whether `name` exists.
  [[nodiscard]] Login find_login(std::string_view name) const;

  /// Whether the user may give this reverse-path: its own address and what leads to its mailbox
  /// (plus addresses, aliases; not `catch_all`), or what its `may_send_as` allows. The null
  /// reverse-path always may, and is not asked here.
  [[nodiscard]] bool may_send_as(const User& user, const grammar::Mailbox& sender) const;

  [[nodiscard]] const std::vector<LocalDomain>& domains() const { return parts_.domains; }
  [[nodiscard]] const std::vector<User>& users() const { return parts_.users; }
  [[nodiscard]] const std::vector<Alias>& aliases() const { return parts_.aliases; }
  /// Some user has a SCRAM verifier.
  [[nodiscard]] bool has_scram() const { return has_scram_; }

 private:
  friend class Expander;

  /// What has an address of ours; both: an alias that may name its user.
  struct Entry {
    const User* user = nullptr;
    const Alias* alias = nullptr;
  };

  [[nodiscard]] Entry find(std::string_view local, const grammar::Domain& domain) const;
  /// `owner-LOCAL` in its own spelling, an alias or user; nullptr: there is none.
  [[nodiscard]] const grammar::Mailbox* find_owner(const grammar::Mailbox& list) const;
  /// The domain of a recipient; nullptr: not ours.
  [[nodiscard]] const LocalDomain* domain_of(const grammar::Mailbox& recipient) const;
  /// The alias that the recipient is, or is a plus address of; nullptr: none.
  [[nodiscard]] const Alias* alias_of(const grammar::Mailbox& recipient,
                                      const LocalDomain& domain) const;

  SnapshotParts parts_;
  std::unordered_map<std::string, std::size_t> domain_by_name_;  ///< By canonical name.
  std::unordered_map<std::string, Entry> by_key_;                ///< Refers to parts_.
  std::vector<std::size_t> users_with_login_;
  bool has_scram_ = false;
};

/// Checks a password. Takes long: never on a loop. Of a Login without a user never `right`.
[[nodiscard]] crypto::PasswordVerdict verify(const Login& login, const crypto::Secret& password);

}  // namespace directory
