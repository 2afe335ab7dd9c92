#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/mailbox.h"

// Alias files of sendmail's form, as text: what they say, not what it means here.
namespace directory {

/// In one file. More are a mistake.
inline constexpr std::size_t alias_entries_max = 1'000'000;
/// In one file or list. More mistakes are not told.
inline constexpr std::size_t alias_mistakes_max = 100;

/// One of what an alias leads to.
struct AliasItem {
  enum class Kind : std::uint8_t {
    address,  ///< `mailbox`, perhaps without a domain.
    program,  ///< `|ARGV`, split at spaces; no shell reads it.
    file,     ///< `/PATH`
    include,  ///< `:include:PATH`: a file with more items.
  };
  Kind kind = Kind::address;
  grammar::Mailbox mailbox = {};
  std::string text = {};  ///< Of the others, whole; of `include` the path alone.
  std::size_t line = 0;   ///< From 1.

  friend bool operator==(const AliasItem&, const AliasItem&) = default;
};

struct AliasEntry {
  grammar::Mailbox name;  ///< Perhaps without a domain.
  std::vector<AliasItem> items;
  std::size_t line = 0;
};

struct AliasMistake {
  std::size_t line = 0;
  std::string message;  ///< What was expected.
};

/// Reads `name: item, item`. What begins with white space continues the line before; lines that
/// begin with `#`, and those without text, are nothing. Names and items may stand in quotes. What
/// is around a mistake is read as well as it can be.
struct AliasFile {
  std::vector<AliasEntry> entries;
  std::vector<AliasMistake> mistakes;
};
[[nodiscard]] AliasFile parse_alias_file(std::string_view text);

/// An address, or a local-part alone, then without a domain; nullopt: it is none.
[[nodiscard]] std::optional<grammar::Mailbox> parse_alias_name(std::string_view text);

/// Reads items alone, separated by commas or line ends: of an included file, or the value of a
/// table.
///
///     item    = [display-name] "<" address ">" / address / "\" name / local / DQUOTE local DQUOTE
///     local   = "|" argv / "/" path / ":include:" path
///
/// A backslash before a name changes nothing: an alias that names itself keeps a copy anyway.
/// Deviates from sendmail: the arguments of a program have neither quotes nor other marks that only
/// a shell would understand, for none reads them.
struct AliasList {
  std::vector<AliasItem> items;
  std::vector<AliasMistake> mistakes;
};
/// `line`: of the first line of the text.
[[nodiscard]] AliasList parse_alias_list(std::string_view text, std::size_t line = 1);

}  // namespace directory
