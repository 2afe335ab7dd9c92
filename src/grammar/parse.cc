#include "grammar/parse.h"

namespace grammar {

std::string_view describe(ParseErrorCode code) {
  switch (code) {
    case ParseErrorCode::missing_left_angle: return "the path does not begin with <";
    case ParseErrorCode::missing_right_angle: return "the path does not end with >";
    case ParseErrorCode::missing_at_sign: return "@ is missing after the local-part";
    case ParseErrorCode::missing_colon: return "the source route does not end with a colon";
    case ParseErrorCode::unexpected_character: return "> is missing after the mailbox";
    case ParseErrorCode::trailing_text: return "there is text after the end";
    case ParseErrorCode::null_forward_path: return "<> is not a recipient";
    case ParseErrorCode::empty_atom: return "an atom of the local-part is empty";
    case ParseErrorCode::unclosed_quoted_string: return "the quoted local-part does not end";
    case ParseErrorCode::bad_quoted_pair: return "a backslash may only quote printable ASCII";
    case ParseErrorCode::control_in_quoted_string:
      return "the quoted local-part has a control character";
    case ParseErrorCode::empty_domain_label: return "a label of the domain is empty";
    case ParseErrorCode::bad_domain_label:
      return "a label of the domain begins or ends with a hyphen";
    case ParseErrorCode::bad_internationalized_domain:
      return "the domain is not a valid internationalized name";
    case ParseErrorCode::bad_address_literal: return "the address literal is not valid";
    case ParseErrorCode::non_ascii: return "characters beyond ASCII need SMTPUTF8";
    case ParseErrorCode::bad_utf8: return "an octet is not valid UTF-8, or a control character";
    case ParseErrorCode::domain_label_too_long: return "a label of the domain is too long";
    case ParseErrorCode::domain_too_long: return "the domain is too long";
    case ParseErrorCode::local_part_too_long: return "the local-part is too long";
    case ParseErrorCode::path_too_long: return "the path is too long";
    case ParseErrorCode::bad_xtext: return "the value is not valid xtext";
  }
  return "";
}

}  // namespace grammar
