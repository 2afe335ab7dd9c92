#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "grammar/mailbox.h"

namespace directory {

struct LocalDomain;

/// Of one address. Also the recipients of one transaction by default.
inline constexpr std::size_t expansion_targets_max = 1'000;
/// Aliases and targets that are looked at for one address: bounds the work, whatever is configured.
inline constexpr std::size_t expansion_steps_max = 10'000;

/// A program or file that an alias leads to, as it stands there: `|/usr/bin/vacation alice`,
/// `/var/mail/archive`.
struct LocalTarget {
  std::string text;
  std::string run_as = {};  ///< Of a program: whose rights it has; empty: ours.
};

/// An address that stands for others. It is a list with an owner when there is an alias or user
/// `owner-LOCAL` in its domain, who then hears of what becomes of mail to it [RFC5321 3.9.2].
///
///  One that names itself among them keeps a copy.
struct Alias {
  grammar::Mailbox address;
  std::vector<grammar::Mailbox> to;
  std::vector<LocalTarget> local = {};
  std::string source = {};  ///< File and line, for people; empty: the configuration.
};

/// One of what a recipient becomes.
struct ExpandedTarget {
  /// A mailbox here, in its own spelling, or an address elsewhere. Of a program or file: the alias
  /// that leads to it.
  grammar::Mailbox mailbox;
  const LocalTarget* local = nullptr;       ///< Lives as long as the snapshot, as `owner`.
  const grammar::Mailbox* owner = nullptr;  ///< Of the innermost list that led here, if it has one.
  const Alias* alias = nullptr;             ///< That names it; nullptr: none did.
};

/// What a recipient becomes when it is accepted: each target is a recipient with an outcome of its
/// own.
struct Expansion {
  enum class Kind : std::uint8_t {
    not_local,  ///< Not a domain of ours.
    unknown,    ///< A domain of ours, but nothing is reached: 550 5.1.1.
    ask,        ///< The LMTP server behind `domain` knows; `targets` has the one to ask about.
    loop,       ///< Aliases that lead to each other and to no mailbox: 5.4.6.
    too_many,   ///< Beyond expansion_targets_max or expansion_steps_max: 5.3.5, a mistake of ours.
    targets,    ///< One or more.
  };
  Kind kind = Kind::not_local;
  /// Each once, in the order of the configuration. An alias may name an address of ours that is
  /// unknown: it is a target like the others, so that the originator is told.
  std::vector<ExpandedTarget> targets = {};
  bool aliased = false;                 ///< An alias took part.
  const LocalDomain* domain = nullptr;  ///< Of the recipient. Lives as long as the snapshot.
};

}  // namespace directory
