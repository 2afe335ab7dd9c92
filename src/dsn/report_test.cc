#include "dsn/report.h"

#include <gtest/gtest.h>

#include "base/ascii.h"
#include "dsn/text.h"
#include "grammar/header.h"

namespace dsn {
namespace {

using namespace std::literals;

// Wed, 25 Nov 2026 03:28:30 +0000
constexpr base::WallTime now{std::chrono::milliseconds(1'795'577'310'123)};
constexpr std::string_view original =
    "Received: from a by b; now\r\n"
    "Message-ID: <1@a.example>\r\n"
    "Subject: hello\r\n"
    "\r\n"
    "The body.\r\n";

grammar::Mailbox mailbox(std::string_view text) { return *grammar::Mailbox::parse(text); }

/// One input that owns what it refers to.
struct Sample {
  grammar::ReversePath reverse_path = *grammar::ReversePath::parse("<bob@b.example>");
  std::vector<RecipientReport> recipients{{.final_recipient = mailbox("ann@a.example"),
                                           .remote_mta = "mx.a.example",
                                           .reply = "550 5.1.1 no such user",
                                           .attempts = 1,
                                           .last_attempt = now}};
  std::string envelope_id;
  std::string content{original};
  bool return_content = false;

  [[nodiscard]] Report build() const {
    return build_report({.hostname = "mx.example.org",
                         .id = "0abc",
                         .random = 0x1234,
                         .date = now,
                         .arrival_date = now - std::chrono::hours(1),
                         .reverse_path = reverse_path,
                         .envelope_id = envelope_id,
                         .recipients = recipients,
                         .original = content,
                         .return_content = return_content});
  }
};

/// The value of a field in one line; "-" if there is none.
std::string value(std::string_view content, std::string_view name) {
  const auto found = grammar::find_field(content, name);
  return found ? grammar::unfold(found->value) : "-";
}

/// The body parts, each with its header section: a reader of MIME that knows nothing of the writer.
std::vector<std::string> parts_of(std::string_view content) {
  const std::string type = value(content, "Content-Type");
  const std::size_t start = type.find("boundary=\"") + 10;
  const std::string line = "--" + type.substr(start, type.find('"', start) - start);
  std::vector<std::string> parts;
  std::string_view rest = grammar::split_content(content).body;
  bool inside = false;
  std::string part;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find("\r\n"), rest.size() - 2);
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (text == line || text == line + "--") {
      if (inside) parts.push_back(part.substr(0, part.size() - 2));
      inside = text == line;
      part.clear();
    } else if (inside) {
      part.append(text).append("\r\n");
    }
  }
  EXPECT_FALSE(inside) << "the last boundary closes";
  return parts;
}

/// The groups of fields of the second part: one of the message, then one of each recipient.
std::vector<std::string> groups_of(std::string_view part) {
  std::string_view rest = grammar::split_content(part).body;
  std::vector<std::string> groups;
  while (!rest.empty()) {
    const auto group = grammar::split_content(rest);
    EXPECT_FALSE(group.header_section.empty()) << rest;
    if (group.header_section.empty()) break;
    groups.emplace_back(group.header_section);
    rest = group.body;
  }
  return groups;
}

/// True of every report, whatever it tells.
void check_sane(const Report& report) {
  EXPECT_TRUE(is_eight_bit_text(report.content));
  EXPECT_EQ(report.eight_bit, !is_seven_bit(report.content));
  const std::string_view header = grammar::split_content(report.content).header_section;
  EXPECT_TRUE(base::is_ascii(header));
  for (const auto name : {"Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted",
                          "MIME-Version", "Content-Type"}) {
    EXPECT_EQ(grammar::count_fields(header, name), 1u) << name;
  }
}

TEST(Report, one_failure_word_by_word) {
  const Report report = Sample().build();
  check_sane(report);
  EXPECT_EQ(report.content,
            "Date: Wed, 25 Nov 2026 03:28:30 +0000\r\n"
            "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\r\n"
            "To: <bob@b.example>\r\n"
            "Subject: Your message could not be delivered\r\n"
            "Message-ID: <0abc@mx.example.org>\r\n"
            "In-Reply-To: <1@a.example>\r\n"
            "References: <1@a.example>\r\n"
            "Auto-Submitted: auto-replied\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: multipart/report; report-type=delivery-status;\r\n"
            " boundary=\"=_0000000000001234.0\"\r\n"
            "\r\n"
            "This is a report on the delivery of a message, in MIME.\r\n"
            "\r\n"
            "--=_0000000000001234.0\r\n"
            "Content-Type: text/plain; charset=us-ascii\r\n"
            "Content-Description: What happened\r\n"
            "\r\n"
            "This is the mail server mx.example.org, with news of your message of Wed, 25\r\n"
            "Nov 2026 02:28:30 +0000.\r\n"
            "\r\n"
            "It could not be delivered to the following recipients. Nothing more will be\r\n"
            "tried:\r\n"
            "\r\n"
            "  <ann@a.example>\r\n"
            "    There is no such mailbox.\r\n"
            "    mx.a.example said: 550 5.1.1 no such user\r\n"
            "    Tried once, on Wed, 25 Nov 2026 03:28:30 +0000.\r\n"
            "\r\n"
            "The same follows in a form for programs, and then the header section of your\r\n"
            "message. If you need help, write to postmaster@mx.example.org and include\r\n"
            "this whole report.\r\n"
            "\r\n"
            "--=_0000000000001234.0\r\n"
            "Content-Type: message/delivery-status\r\n"
            "Content-Description: Delivery report\r\n"
            "\r\n"
            "Reporting-MTA: dns; mx.example.org\r\n"
            "Arrival-Date: Wed, 25 Nov 2026 02:28:30 +0000\r\n"
            "\r\n"
            "Final-Recipient: rfc822; ann@a.example\r\n"
            "Action: failed\r\n"
            "Status: 5.1.1\r\n"
            "Remote-MTA: dns; mx.a.example\r\n"
            "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
            "Last-Attempt-Date: Wed, 25 Nov 2026 03:28:30 +0000\r\n"
            "\r\n"
            "--=_0000000000001234.0\r\n"
            "Content-Type: text/rfc822-headers\r\n"
            "Content-Description: Header section of your message\r\n"
            "\r\n"
            "Received: from a by b; now\r\n"
            "Message-ID: <1@a.example>\r\n"
            "Subject: hello\r\n"
            "\r\n"
            "--=_0000000000001234.0--\r\n");
}

TEST(Report, every_kind_in_one) {
  Sample sample;
  sample.envelope_id = "QQ314159 x";
  sample.recipients = {
      {.original_recipient = "rfc822;Ann+2Bx@a.example",
       .final_recipient = mailbox("ann+x@a.example"),
       .kind = Kind::expired,
       .reply = "connection refused",
       .attempts = 12,
       .last_attempt = now},
      {.final_recipient = mailbox("b@b\xc3\xbc.example"),
       .kind = Kind::delayed,
       .remote_mta = "mx.b.example",
       .reply = "451-4.3.0 come\n451 4.3.0 back",
       .will_retry_until = now + std::chrono::days(5)},
      {.final_recipient = mailbox("c@c.example"), .kind = Kind::delivered},
      {.final_recipient = mailbox("d@d.example"), .kind = Kind::relayed, .reply = "250 ok"},
      {.final_recipient = mailbox("e@e.example"), .kind = Kind::expanded},
      {.final_recipient = mailbox("f@f.example"), .kind = Kind::failed, .status = "5.4.4"},
  };
  const Report report = sample.build();
  check_sane(report);
  const auto parts = parts_of(report.content);
  ASSERT_EQ(parts.size(), 3u);
  const auto groups = groups_of(parts[1]);
  ASSERT_EQ(groups.size(), 7u);
  EXPECT_EQ(value(groups[0], "Reporting-MTA"), "dns; mx.example.org");
  EXPECT_EQ(value(groups[0], "Original-Envelope-Id"), "QQ314159 x");

  EXPECT_EQ(value(groups[1], "Original-Recipient"), "rfc822; Ann+x@a.example");
  EXPECT_EQ(value(groups[1], "Final-Recipient"), "rfc822; ann+x@a.example");
  EXPECT_EQ(value(groups[1], "Action"), "failed");
  EXPECT_EQ(value(groups[1], "Status"), "4.4.7");
  EXPECT_EQ(value(groups[1], "Remote-MTA"), "-");
  EXPECT_EQ(value(groups[1], "Diagnostic-Code"), "X-Posthaste; connection refused");

  EXPECT_EQ(value(groups[2], "Original-Recipient"), "-");
  EXPECT_EQ(value(groups[2], "Final-Recipient"), "rfc822; b@xn--b-eha.example");
  EXPECT_EQ(value(groups[2], "Action"), "delayed");
  EXPECT_EQ(value(groups[2], "Status"), "4.3.0");
  EXPECT_EQ(value(groups[2], "Diagnostic-Code"), "smtp; 451-4.3.0 come 451 4.3.0 back");
  EXPECT_EQ(value(groups[2], "Will-Retry-Until"), "Mon, 30 Nov 2026 03:28:30 +0000");

  EXPECT_EQ(value(groups[3], "Action"), "delivered");
  EXPECT_EQ(value(groups[4], "Action"), "relayed");
  EXPECT_EQ(value(groups[4], "Status"), "2.0.0");
  EXPECT_EQ(value(groups[5], "Action"), "expanded");
  EXPECT_EQ(value(groups[6], "Status"), "5.4.4");
  EXPECT_NE(parts[0].find("charset=utf-8"), std::string::npos);
  EXPECT_NE(parts[0].find("<b@b=C3=BC.example>"), std::string::npos);
}

TEST(Report, subject_follows_the_worst_kind) {
  Sample sample;
  const auto subject_of = [&](std::vector<Kind> kinds) {
    sample.recipients.clear();
    for (const Kind kind : kinds) {
      sample.recipients.push_back({.final_recipient = mailbox("a@b"), .kind = kind});
    }
    return value(sample.build().content, "Subject");
  };
  EXPECT_EQ(subject_of({Kind::delayed, Kind::failed}), "Your message could not be delivered");
  EXPECT_EQ(subject_of({Kind::expired}), "Your message could not be delivered");
  EXPECT_EQ(subject_of({Kind::delivered, Kind::delayed}), "Your message is delayed");
  EXPECT_EQ(subject_of({Kind::relayed, Kind::delivered}), "Your message has been delivered");
  EXPECT_EQ(subject_of({Kind::expanded}), "Your message has been passed on");
}

/// A peer who wants to write fields, body parts or whole messages of its own into our report.
TEST(Report, nobody_injects_anything) {
  const std::string_view attempts[] = {
      "550 5.1.1 x\r\nBcc: all@a.example",
      "550 5.1.1 x\r\n\r\nFinal-Recipient: rfc822; bob@b.example",
      "550 x\n.\r\nMAIL FROM:<>",
      "550 x\r\n--=_0000000000001234.0\r\nContent-Type: text/html\r\n\r\n<b>x</b>",
      "550 x\r\n--=_0000000000001234.0--\r\n",
      "550 --=_0000000000001234.0 --=_0000000000001234.1",
      "550 x\r \n\t\x0b\x0c\0y"sv,
      "550 caf\xc3\xa9 \xff\xfe \x1b[2J",
      "\r\n\r\n",
  };
  for (const std::string_view attempt : attempts) {
    Sample sample;
    auto& recipient = sample.recipients[0];
    recipient.reply = attempt;
    recipient.remote_mta = attempt;
    recipient.original_recipient = attempt;
    recipient.status = attempt;
    sample.envelope_id = attempt;
    sample.content = "Message-ID: <1@a.example>\r\n X: y\r\nSubject: " + std::string(attempt);
    const Report report = sample.build();
    check_sane(report);
    EXPECT_FALSE(report.eight_bit);
    EXPECT_FALSE(grammar::find_field(report.content, "Bcc"));
    EXPECT_FALSE(grammar::find_field(report.content, "In-Reply-To"));
    const auto parts = parts_of(report.content);
    ASSERT_EQ(parts.size(), 3u) << attempt;
    EXPECT_TRUE(parts[0].starts_with("Content-Type: text/plain")) << attempt;
    EXPECT_TRUE(parts[1].starts_with("Content-Type: message/delivery-status")) << attempt;
    EXPECT_TRUE(parts[2].starts_with("Content-Type: text/rfc822-headers")) << attempt;
    const auto groups = groups_of(parts[1]);
    ASSERT_EQ(groups.size(), 2u) << attempt;
    EXPECT_EQ(grammar::count_fields(groups[1], "Final-Recipient"), 1u) << attempt;
    EXPECT_EQ(value(groups[1], "Final-Recipient"), "rfc822; ann@a.example");
    EXPECT_FALSE(grammar::find_field(groups[1], "Bcc"));
  }
}

TEST(Report, the_boundary_stands_in_no_part) {
  Sample sample;
  sample.return_content = true;
  sample.content = "Subject: x\r\n\r\n--=_0000000000001234.0\r\n--=_0000000000001234.1--\r\n";
  const Report report = sample.build();
  const auto parts = parts_of(report.content);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(grammar::split_content(parts[2]).body, sample.content);
  EXPECT_NE(report.content.find("boundary=\"=_0000000000001234.2\""), std::string::npos);
}

TEST(Report, what_is_returned) {
  Sample sample;
  sample.return_content = true;
  EXPECT_EQ(grammar::split_content(parts_of(sample.build().content)[2]).body, original);

  sample.recipients[0].kind = Kind::delayed;
  EXPECT_EQ(parts_of(sample.build().content)[2].find("The body"), std::string::npos)
      << "content is returned with failures alone [RFC3461 4.3]";
  sample.recipients[0].kind = Kind::failed;

  sample.content = "Subject: x\r\n\r\n";
  while (sample.content.size() + 100 <= returned_content_octets_max) {
    sample.content += std::string(98, 'y') + "\r\n";
  }
  sample.content += std::string(returned_content_octets_max - sample.content.size() - 2, 'y');
  sample.content += "\r\n";
  EXPECT_EQ(value(parts_of(sample.build().content)[2], "Content-Type"), "message/rfc822");
  sample.content.insert(sample.content.size() - 2, "y");
  EXPECT_EQ(value(parts_of(sample.build().content)[2], "Content-Type"), "text/rfc822-headers");

  sample.content = "Subject: x\r\n\r\ncaf\xe9\r\n";
  const Report eight_bit = sample.build();
  check_sane(eight_bit);
  EXPECT_TRUE(eight_bit.eight_bit);
  EXPECT_EQ(value(eight_bit.content, "Content-Transfer-Encoding"), "8bit");
  EXPECT_EQ(value(parts_of(eight_bit.content)[2], "Content-Transfer-Encoding"), "8bit");

  sample.content = "Subject: x\r\n\r\nno line end";
  EXPECT_EQ(value(parts_of(sample.build().content)[2], "Content-Type"), "text/rfc822-headers");

  sample.content = "";
  EXPECT_EQ(parts_of(sample.build().content).size(), 2u);
  sample.content = "no header section\r\n";
  EXPECT_EQ(parts_of(sample.build().content)[2].find("no header section") == std::string::npos,
            false)
      << "asked for the content, and it is short";
  sample.return_content = false;
  EXPECT_EQ(parts_of(sample.build().content).size(), 2u);
}

TEST(Report, eight_bit_header_section_is_encoded) {
  Sample sample;
  sample.content = "Subject: caf\xc3\xa9 = 1\r\nX: " + std::string(2'000, 'x') + "\r\n\r\nbody\r\n";
  const Report report = sample.build();
  check_sane(report);
  EXPECT_FALSE(report.eight_bit);
  const auto part = parts_of(report.content)[2];
  EXPECT_EQ(value(part, "Content-Transfer-Encoding"), "quoted-printable");
  EXPECT_NE(part.find("Subject: caf=C3=A9 =3D 1\r\n"), std::string::npos);
}

TEST(Report, a_header_section_of_utf8_has_its_own_types) {
  struct Row {
    std::string_view content, of_header, of_all;
  };
  const Row rows[] = {
      {"Subject: cafe\r\n\r\nb\r\n", "text/rfc822-headers", "message/rfc822"},
      {"Subject: cafe\r\n\r\n\xc3\xa9\r\n", "text/rfc822-headers", "message/rfc822"},
      {"Subject: caf\xc3\xa9\r\n\r\nb\r\n", "message/global-headers", "message/global"},
      {"Subject: caf\xe9\r\n\r\nb\r\n", "text/rfc822-headers", "message/rfc822"},
  };
  for (const Row& row : rows) {
    Sample sample;
    sample.content = row.content;
    EXPECT_EQ(value(parts_of(sample.build().content)[2], "Content-Type"), row.of_header);
    sample.return_content = true;
    EXPECT_EQ(value(parts_of(sample.build().content)[2], "Content-Type"), row.of_all);
  }
}

TEST(Report, header_section_is_bounded) {
  Sample sample;
  sample.content = "Subject: x\r\n";
  while (sample.content.size() <= returned_header_octets_max) sample.content += "X-Filler: y\r\n";
  const auto part = parts_of(sample.build().content)[2];
  const std::string_view body = grammar::split_content(part).body;
  EXPECT_LE(body.size(), returned_header_octets_max);
  EXPECT_GT(body.size(), returned_header_octets_max - 20);
  EXPECT_TRUE(body.ends_with("X-Filler: y\r\n"));

  sample.content = "X: " + std::string(200'000, 'y') + "\r\n\r\n";
  const Report one_line = sample.build();
  check_sane(one_line);
  EXPECT_LT(one_line.content.size(), 2 * returned_header_octets_max);
}

TEST(Report, long_texts_are_cut) {
  Sample sample;
  sample.recipients[0].reply = "550 " + std::string(1'000'000, 'x');
  const Report report = sample.build();
  check_sane(report);
  EXPECT_LT(report.content.size(), 3 * reply_octets_max + 3'000);
}

TEST(Report, utf8_recipients_have_their_own_address_type) {
  Sample sample;
  sample.recipients[0].final_recipient = mailbox("jos\xc3\xa9+\xf0\x9f\x93\xae@b\xc3\xbc.example");
  sample.recipients[0].original_recipient = "utf-8;jos+C3+A9@b.example";
  const Report report = sample.build();
  check_sane(report);
  const auto groups = groups_of(parts_of(report.content)[1]);
  EXPECT_EQ(value(groups[1], "Final-Recipient"),
            "utf-8; jos\\x{E9}\\x{2B}\\x{1F4EE}@b\\x{FC}.example");
  EXPECT_EQ(value(groups[1], "Original-Recipient"), "utf-8; jos\\x{E9}@b.example");
}

TEST(Report, utf8_originator_makes_the_header_need_smtputf8) {
  Sample sample;
  sample.reverse_path = *grammar::ReversePath::parse("<jos\xc3\xa9@b\xc3\xbc.example>");
  EXPECT_EQ(value(sample.build().content, "To"), "<jos\xc3\xa9@b\xc3\xbc.example>");
  sample.reverse_path = *grammar::ReversePath::parse("<@r:Bob@b\xc3\xbc.example>");
  const Report report = sample.build();
  check_sane(report);
  EXPECT_EQ(value(report.content, "To"), "<Bob@xn--b-eha.example>");
  EXPECT_EQ(report_recipient(sample.reverse_path).print(grammar::DomainForm::ascii),
            "<@r:Bob@xn--b-eha.example>");
}

TEST(Report, only_a_clean_message_id_is_repeated) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"<1@a>", "<1@a>"}, {" <1@a>\t", "<1@a>"},  {"<1@a> <2@b>", "-"},
      {"1@a", "-"},       {"<1@a", "-"},          {"<1 @a>", "-"},
      {"<>", "-"},        {"<1\xc3\xa9@a>", "-"}, {"<1@a>\r\n <2@a>", "-"},
      {"", "-"},          {"<1@a><2@a>", "-"},
  };
  for (const auto& [id, want] : rows) {
    Sample sample;
    sample.content = "Message-ID:" + std::string(id) + "\r\n\r\n";
    EXPECT_EQ(value(sample.build().content, "In-Reply-To"), want) << id;
  }
}

TEST(Kind, of_outcomes) {
  EXPECT_EQ(kind_of(Outcome::delivered), Kind::delivered);
  EXPECT_EQ(kind_of(Outcome::delivered, true), Kind::relayed);
  EXPECT_EQ(kind_of(Outcome::deferred), Kind::delayed);
  EXPECT_EQ(kind_of(Outcome::bounced), Kind::failed);
  EXPECT_EQ(kind_of(Outcome::expired), Kind::expired);
  EXPECT_EQ(to_string(Outcome::bounced), "bounced");
}

}  // namespace
}  // namespace dsn
