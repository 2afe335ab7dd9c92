#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "grammar/path.h"
#include "smtp/parameters.h"
#include "smtp/verb.h"

// One parser for each command that has an argument. The argument is what stands behind the verb and
// the spaces after it, without the CRLF.
namespace smtp {

/// In octets, of a command line with its CRLF. [RFC5321 4.5.3.1.4] asks for 512; each extension
/// adds to it what its parameters need.
inline constexpr std::size_t dsn_octets_more = 500;   // [RFC3461 5]
inline constexpr std::size_t auth_octets_more = 500;  // [RFC4954 3]
inline constexpr std::size_t command_line_octets_max =
    grammar::path_octets_max + 256 + dsn_octets_more + auth_octets_more;
inline constexpr std::size_t auth_line_octets_max = 12'288;  // [RFC4954 4]

// A path of full length, with "MAIL FROM:" and CRLF, must fit in a command line.
static_assert(grammar::path_octets_max + 12 <= command_line_octets_max);

/// In octets, of the argument of HELO and EHLO [RFC5321 4.5.3.1.2].
inline constexpr std::size_t hello_octets_max = 255;

/// In octets, of the digits of SIZE and of a chunk [RFC1870 4].
inline constexpr std::size_t size_digits_max = 20;
/// A decimal number of 1 to size_digits_max digits; what 64 bits can't hold becomes the most that
/// they can. nullopt: no such number.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

/// Why a command was refused, but for its path.
enum class CommandErrorCode : std::uint8_t {
  missing_argument,
  unexpected_argument,  ///< The command takes none.
  bad_argument,         ///< Controls, or more than the command takes.
  missing_keyword,      ///< No `FROM:` or `TO:`.
  bad_path,             ///< See CommandError::path.
  text_after_path,
  bad_parameter,  ///< Not of the form of parameters.
  unknown_parameter,
  repeated_parameter,
  bad_parameter_value,
  bad_base64,
};

struct CommandError {
  CommandErrorCode code;
  std::size_t offset = 0;             ///< In octets, from the start of the argument.
  grammar::ParseErrorCode path = {};  ///< Of bad_path.
  friend bool operator==(const CommandError&, const CommandError&) = default;
};

template <class T>
using CommandResult = std::expected<T, CommandError>;

struct CommandLine {
  Verb verb;
  std::string_view argument;  ///< Without spaces at either end.
};

/// Cuts a line without its CRLF into verb and argument.
[[nodiscard]] CommandLine split_command(std::string_view line);

/// Which parameters there are depends on what EHLO offers.
struct Extensions {
  bool size = true;
  bool eight_bit_mime = true;
  bool smtputf8 = true;
  bool auth = false;
};

/// The BODY parameter [RFC6152 3].
enum class BodyType : std::uint8_t { seven_bit, eight_bit_mime };

struct MailCommand {
  grammar::ReversePath reverse_path;
  /// SIZE, in octets [RFC1870 5]; more than 64 bits can hold becomes the most that they can.
  std::optional<std::uint64_t> size;
  BodyType body = BodyType::seven_bit;
  bool smtputf8 = false;   ///< [RFC6531 3.4]
  std::uint8_t ret = 0;    ///< RET: 0 not given, 1 FULL, 2 HDRS [RFC3461 4.3].
  std::string envid = {};  ///< ENVID, decoded, or empty [RFC3461 4.4].
  /// AUTH: who submitted the message first, as the client says [RFC4954 5]: a null path for `<>`.
  std::optional<grammar::ReversePath> submitter;
};

/// "FROM:" Reverse-path [SP Mail-parameters]        [RFC5321 4.1.1.2]
[[nodiscard]] CommandResult<MailCommand> parse_mail(std::string_view argument,
                                                    const Extensions& extensions);

struct RcptCommand {
  grammar::ForwardPath forward_path;
  std::uint8_t notify = 0;  ///< NOTIFY, as bits of grammar::notify; 0: not given [RFC3461 4.1].
  std::string orcpt;        ///< ORCPT as given, `rfc822;xtext`, or empty [RFC3461 4.2].
};

/// "TO:" Forward-path [SP Rcpt-parameters]        [RFC5321 4.1.1.3]
///
/// `smtputf8`: MAIL had that parameter.
[[nodiscard]] CommandResult<RcptCommand> parse_rcpt(std::string_view argument, bool smtputf8);

struct BdatCommand {
  std::uint64_t octets = 0;  ///< More than 64 bits can hold becomes the most that they can.
  bool last = false;
};

///     bdat-cmd   ::= "BDAT" SP chunk-size [ SP end-marker ] CR LF        [RFC3030 2]
///     chunk-size ::= 1*DIGIT
///     end-marker ::= "LAST"
[[nodiscard]] CommandResult<BdatCommand> parse_bdat(std::string_view argument);

/// In octets, of the name of a queue.
inline constexpr std::size_t queue_name_octets_max = 64;

struct EtrnCommand {
  enum class Kind : std::uint8_t {
    node,   ///< Mail to `domain`.
    below,  ///< `@`: and to every domain below it [RFC1985 5.3].
    queue,  ///< `#`: mail of the queue of that name.
  };
  Kind kind = Kind::node;
  grammar::Domain domain;
  std::string queue = {};
};

/// "ETRN" SP ["@" / "#"] node-name        [RFC1985 5]
[[nodiscard]] CommandResult<EtrnCommand> parse_etrn(std::string_view argument);

struct AuthCommand {
  std::string mechanism;  ///< In upper case.
  /// Decoded; empty for `=`.
  std::optional<std::string> initial_response;
};

/// "AUTH" SP sasl-mech [SP initial-response]        [RFC4954 4]
[[nodiscard]] CommandResult<AuthCommand> parse_auth(std::string_view argument);

/// The argument of HELO or EHLO. Deviates from [RFC5321 4.1.1.1]: any printable ASCII will do,
/// since many clients do not know their name; nothing is decided by it.
[[nodiscard]] CommandResult<std::string_view> parse_hello(std::string_view argument);

/// For commands that take no argument.
[[nodiscard]] CommandResult<void> parse_no_argument(std::string_view argument);

/// "VRFY" SP String [SP "SMTPUTF8"]        [RFC5321 4.1.1.6, RFC6531 3.7.4.2]
[[nodiscard]] CommandResult<void> parse_vrfy(std::string_view argument);

/// For HELP and NOOP, whose argument we only check for controls.
[[nodiscard]] CommandResult<void> parse_string(std::string_view argument, bool required);

}  // namespace smtp
