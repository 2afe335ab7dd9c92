#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "delivery/letter.h"
#include "delivery/settings.h"
#include "smtp/client_types.h"

// What of a letter depends on what the next hop offers.
namespace delivery {

/// In octets. Larger contents are not converted for a next hop without 8BITMIME, but reported:
/// content and conversion are held in memory at once.
inline constexpr std::uint64_t conversion_octets_max = std::uint64_t{16} << 20;

/// In octets. A header section beyond it is taken to need SMTPUTF8 if the content has octets beyond
/// US-ASCII at all.
inline constexpr std::size_t header_octets_max = std::size_t{1} << 20;

/// A path as a client says it: U-labels as A-labels where nothing else needs SMTPUTF8, so that any
/// next hop takes it [RFC6531 3.2].
[[nodiscard]] std::string forward_path_to_say(const std::string& printed);
[[nodiscard]] std::string reverse_path_to_say(const std::string& printed);

/// Only a next hop with SMTPUTF8 may get this header section [RFC6531 3.6]. What came to us without
/// SMTPUTF8 is no internationalized message, whatever stands in its header section: it is handed on
/// as it came.
[[nodiscard]] base::Io<bool> header_needs_smtputf8(spool::Spool& spool, const Letter& letter);

/// The content for a next hop without 8BITMIME; nullopt: it cannot be converted [RFC6152 3].
[[nodiscard]] base::Io<std::optional<std::string>> seven_bit_content(spool::Spool& spool,
                                                                     const Letter& letter);

/// A transaction that is under way to a next hop (a key).
struct Sending {
  const Settings& settings;
  const Letter& letter;
  std::string_view next_hop;
};
/// All of the transaction but its recipients, of which `first` is one.
[[nodiscard]] smtp::Transaction transaction_of(const Sending& sending, std::uint32_t first);
/// Adds a recipient of the letter, with the same_reverse_path() as the first.
void add_recipient(const Sending& sending, std::uint32_t recipient, smtp::Transaction& transaction);

}  // namespace delivery
