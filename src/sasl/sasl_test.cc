#include <gtest/gtest.h>

#include "sasl/mechanism.h"
#include "sasl/plain.h"

namespace sasl {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

/// A step as one line: "challenge TEXT", "credentials NAME PASSWORD", "failed CODE".
std::string print(const Step& step) {
  if (const auto* challenge = std::get_if<Challenge>(&step)) {
    return "challenge " + challenge->octets;
  }
  if (const auto* credentials = std::get_if<Credentials>(&step)) {
    return "credentials " + credentials->authentication_id + " " +
           std::string(credentials->password.reveal());
  }
  switch (std::get<Failed>(step).code) {
    case FailureCode::malformed: return "failed malformed";
    case FailureCode::too_long: return "failed too_long";
    case FailureCode::other_identity: return "failed other_identity";
    case FailureCode::wrong_proof: return "failed wrong_proof";
    case FailureCode::unexpected_state: return "failed unexpected_state";
  }
  return "?";
}

struct PlainCase {
  std::string_view name;
  std::string message;
  std::string want;
};

std::string octets(std::size_t size) { return std::string(size, 'x'); }
std::string message(std::string_view authzid, std::string_view authcid, std::string_view password) {
  std::string out(authzid);
  out.push_back('\0');
  out += authcid;
  out.push_back('\0');
  out += password;
  return out;
}

const PlainCase plain_cases[] = {
    {"the example of [RFC4616 4]", message("", "tim", "tanstaaftanstaaf"),
     "credentials tim tanstaaftanstaaf"},
    {"the same identity twice", message("tim", "tim", "pw"), "credentials tim pw"},
    {"UTF-8", message("", "ti\xc3\xadm", "\xe2\x82\xac"), "credentials ti\xc3\xadm \xe2\x82\xac"},
    {"spaces belong to the password", message("", "tim", " p w "), "credentials tim  p w "},
    {"name at its limit", message("", octets(name_octets_max), "p"),
     "credentials " + octets(name_octets_max) + " p"},
    {"password at its limit", message("", "t", octets(password_octets_max)),
     "credentials t " + octets(password_octets_max)},
    {"all at their limits",
     message(octets(name_octets_max), octets(name_octets_max), octets(password_octets_max)),
     "credentials " + octets(name_octets_max) + " " + octets(password_octets_max)},
    {"name beyond its limit", message("", octets(name_octets_max + 1), "p"), "failed too_long"},
    {"password beyond its limit", message("", "t", octets(password_octets_max + 1)),
     "failed too_long"},
    {"message beyond its limit", octets(response_octets_max + 1), "failed too_long"},
    {"another identity", message("ann", "tim", "pw"), "failed other_identity"},
    {"another case is another identity", message("TIM", "tim", "pw"), "failed other_identity"},
    {"empty", "", "failed malformed"},
    {"no NUL", "tim", "failed malformed"},
    {"one NUL", "\0tim"s, "failed malformed"},
    {"three NULs", message("", "tim", "pw\0more"sv), "failed malformed"},
    {"no name", message("", "", "pw"), "failed malformed"},
    {"no password", message("", "tim", ""), "failed malformed"},
    {"name is not UTF-8", message("", "t\xff", "pw"), "failed malformed"},
    {"password is not UTF-8", message("", "t", "p\xc3"), "failed malformed"},
    {"identity is not UTF-8", message("\x80", "t", "p"), "failed malformed"},
    {"overlong UTF-8 of NUL", message("", "t\xc0\x80", "p"), "failed malformed"},
};

TEST(plain, messages) {
  for (const PlainCase& row : plain_cases) {
    EXPECT_EQ(print(parse_plain(row.message)), row.want) << row.name;
    const auto with_initial = make_server("PLAIN");
    EXPECT_EQ(print(with_initial->start(row.message)), row.want) << row.name;
    const auto without = make_server("plain");
    EXPECT_EQ(print(without->start(std::nullopt)), "challenge ") << row.name;
    EXPECT_EQ(print(without->respond(row.message)), row.want) << row.name;
    EXPECT_EQ(print(without->respond(row.message)), "failed unexpected_state") << row.name;
  }
}

TEST(plain, a_cut_message_never_gives_another_name) {
  const std::string whole = message("", "tim", "secret");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string step = print(parse_plain(std::string_view(whole).substr(0, size)));
    EXPECT_TRUE(step == "failed malformed" || step.starts_with("credentials tim ")) << step;
  }
}

struct LoginCase {
  std::string_view name;
  std::optional<std::string> initial;
  std::vector<std::string> responses;
  std::vector<std::string> want;
};

const LoginCase login_cases[] = {
    {"name and password",
     {},
     {"tim", "pw"},
     {"challenge Username:", "challenge Password:", "credentials tim pw"}},
    {"name at once", "tim", {"pw"}, {"challenge Password:", "credentials tim pw"}},
    {"limits",
     octets(name_octets_max),
     {octets(password_octets_max)},
     {"challenge Password:",
      "credentials " + octets(name_octets_max) + " " + octets(password_octets_max)}},
    {"name too long",
     {},
     {octets(name_octets_max + 1), "pw"},
     {"challenge Username:", "failed too_long", "failed unexpected_state"}},
    {"password too long",
     "tim",
     {octets(password_octets_max + 1)},
     {"challenge Password:", "failed too_long"}},
    {"empty name", "", {"pw"}, {"failed malformed", "failed unexpected_state"}},
    {"empty password", "tim", {""}, {"challenge Password:", "failed malformed"}},
    {"NUL in the name", "t\0m"s, {}, {"failed malformed"}},
    {"NUL in the password", "tim", {"p\0w"s}, {"challenge Password:", "failed malformed"}},
    {"not UTF-8", {}, {"\xff"}, {"challenge Username:", "failed malformed"}},
    {"a response after the end",
     "tim",
     {"pw", "pw"},
     {"challenge Password:", "credentials tim pw", "failed unexpected_state"}},
};

TEST(login, dialogues) {
  for (const LoginCase& row : login_cases) {
    const auto server = make_server("LOGIN");
    std::optional<std::string_view> initial;
    if (row.initial) initial = *row.initial;
    std::vector<std::string> got = {print(server->start(initial))};
    for (const std::string& response : row.responses)
      got.push_back(print(server->respond(response)));
    EXPECT_EQ(got, row.want) << row.name;
  }
}

TEST(mechanism, starting_twice_fails) {
  for (const std::string_view name : {"PLAIN", "LOGIN"}) {
    const auto server = make_server(name);
    EXPECT_TRUE(std::holds_alternative<Challenge>(server->start(std::nullopt)));
    EXPECT_EQ(print(server->start(std::nullopt)), "failed unexpected_state") << name;
  }
}

TEST(mechanism, responding_before_the_start_fails) {
  for (const std::string_view name : {"PLAIN", "LOGIN"}) {
    EXPECT_EQ(print(make_server(name)->respond("x")), "failed unexpected_state") << name;
  }
}

TEST(mechanism, only_what_we_know_can_be_made) {
  for (const std::string_view name : {"", "PLAINX", "CRAM-MD5", "SCRAM-SHA-256-PLUS", "EXTERNAL"}) {
    EXPECT_EQ(make_server(name), nullptr) << name;
  }
  EXPECT_NE(make_server("Login"), nullptr);
}

}  // namespace
}  // namespace sasl
