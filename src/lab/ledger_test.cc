#include "lab/ledger.h"

#include <gtest/gtest.h>

#include <functional>

namespace lab {
namespace {

constexpr std::string_view letter = "Subject: lab-message-7\r\n\r\nhello\r\n";

std::string with_received(std::string_view content) {
  return "Received: by mx.z.test id 1;\r\n\tWed, 25 Nov 2026 03:28:30 +0000\r\n" +
         std::string(content);
}

std::string report(std::string_view id, std::string_view action, std::string_view recipient) {
  return "Message-ID: <" + std::string(id) +
         ">\r\nContent-Type: multipart/report; report-type=delivery-status\r\n\r\n"
         "Final-Recipient: rfc822; " +
         std::string(recipient) + "\r\nAction: " + std::string(action) +
         "\r\n\r\nSubject: lab-message-7\r\n";
}

Ledger sent_to(const std::vector<std::string>& recipients) {
  Ledger out;
  out.sent("lab-message-7", letter, recipients);
  out.acknowledged("lab-message-7");
  return out;
}

struct EndCase {
  std::string_view name;
  std::function<void(Ledger&)> act;
  Totals want;
};

const EndCase end_cases[] = {
    {"nothing more is heard of it", [](Ledger&) {}, {.sent = 1, .lost = 1}},
    {"it arrives",
     [](Ledger& l) { l.arrived("B@Z.test", with_received(letter)); },
     {.sent = 1, .delivered = 1}},
    {"it arrives twice",
     [](Ledger& l) {
       l.arrived("b@z.test", letter);
       l.arrived("b@z.test", letter);
     },
     {.sent = 1, .delivered = 1, .duplicated = 1}},
    {"an alias leads to two mailboxes",
     [](Ledger& l) {
       l.arrived("c@z.test", letter);
       l.arrived("d@z.test", letter);
     },
     {.sent = 1, .delivered = 1}},
    {"it arrives with one octet changed",
     [](Ledger& l) { l.arrived("b@z.test", "Subject: lab-message-7\r\n\r\nhellO\r\n"); },
     {.sent = 1, .delivered = 1, .altered = 1}},
    {"it arrives without its end",
     [](Ledger& l) { l.arrived("b@z.test", "Subject: lab-message-7\r\n\r\n"); },
     {.sent = 1, .delivered = 1, .altered = 1}},
    {"a report says that it failed",
     [](Ledger& l) { l.reported(report("1", "failed", "b@z.test")); },
     {.sent = 1, .bounced = 1, .reports = 1}},
    {"a report says that it is late",
     [](Ledger& l) { l.reported(report("1", "delayed", "b@z.test")); },
     {.sent = 1, .lost = 1, .reports = 1}},
    {"one report, twice",
     [](Ledger& l) {
       l.reported(report("1", "failed", "b@z.test"));
       l.reported(report("1", "failed", "b@z.test"));
     },
     {.sent = 1, .bounced = 1, .reports = 2}},
    {"two reports",
     [](Ledger& l) {
       l.reported(report("1", "failed", "b@z.test"));
       l.reported(report("2", "failed", "b@z.test"));
     },
     {.sent = 1, .bounced = 1, .contradicted = 1, .reports = 2}},
    {"it arrives, and a report says that it failed",
     [](Ledger& l) {
       l.arrived("b@z.test", letter);
       l.reported(report("1", "failed", "b@z.test"));
     },
     {.sent = 1, .delivered = 1, .contradicted = 1, .reports = 1}},
    {"the same, but nobody could know that it had arrived",
     [](Ledger& l) {
       l.arrived("b@z.test", letter, false);
       l.reported(report("1", "failed", "b@z.test"));
     },
     {.sent = 1, .delivered = 1, .reports = 1}},
    {"it is in a queue",
     [](Ledger& l) { l.queued("b@z.test", with_received(letter)); },
     {.sent = 1, .queued = 1}},
    {"its report is in a queue",
     [](Ledger& l) { l.queued("a@a.test", report("1", "failed", "b@z.test")); },
     {.sent = 1, .queued = 1}},
    {"a report of its delay is in a queue",
     [](Ledger& l) { l.queued("a@a.test", report("1", "delayed", "b@z.test")); },
     {.sent = 1, .lost = 1}},
    {"it is in a queue, and has arrived",
     [](Ledger& l) {
       l.queued("b@z.test", letter);
       l.arrived("b@z.test", letter);
     },
     {.sent = 1, .delivered = 1}},
};

TEST(Ledger, each_end_of_a_message) {
  for (const EndCase& row : end_cases) {
    Ledger ledger = sent_to({"b@z.test"});
    row.act(ledger);
    EXPECT_EQ(figures(ledger.totals()), figures(row.want)) << row.name;
    EXPECT_EQ(ledger.lost().size(), row.want.lost) << row.name;
  }
}

TEST(Ledger, what_was_not_acknowledged_is_not_lost) {
  Ledger ledger;
  ledger.sent("lab-message-7", letter, {"b@z.test", "c@z.test"});
  ledger.refused("lab-message-7", "c@z.test");
  EXPECT_EQ(figures(ledger.totals()), figures(Totals{.refused = 1, .unsent = 1}));
  ledger.acknowledged("lab-message-7");
  EXPECT_EQ(figures(ledger.totals()), figures(Totals{.sent = 1, .lost = 1, .refused = 1}));
}

TEST(Ledger, each_recipient_counts_for_itself) {
  Ledger ledger = sent_to({"b@z.test", "c@y.test", "d@x.test"});
  ledger.arrived("c@y.test", letter);
  ledger.reported(report("1", "failed", "d@x.test"));
  // No alias can be known of where there are several.
  ledger.arrived("elsewhere@x.test", letter);
  EXPECT_EQ(figures(ledger.totals()),
            figures(Totals{.sent = 3, .delivered = 1, .bounced = 1, .lost = 1, .reports = 1}));
  EXPECT_EQ(ledger.lost(), (std::set<Ledger::Key>{{"lab-message-7", "b@z.test"}}));
}

TEST(Ledger, what_nobody_has_sent_is_altered) {
  Ledger ledger;
  ledger.arrived("b@z.test", "Subject: lab-message-8\r\n\r\n");
  EXPECT_EQ(ledger.altered(), (std::set<std::string>{"lab-message-8"}));
}

struct TokenCase {
  std::string_view name;
  std::string_view content;
  std::string_view want;
};

const TokenCase token_cases[] = {
    {"none", "Subject: hello\r\n", ""},
    {"at the end", "Subject: lab-message-12", "lab-message-12"},
    {"before other text", "Message-ID: <lab-message-3@a.test>", "lab-message-3"},
    {"the first one", "lab-message-1 lab-message-2", "lab-message-1"},
    {"without a number", "lab-message-", "lab-message-"},
};

TEST(Ledger, tokens) {
  for (const TokenCase& row : token_cases) EXPECT_EQ(token_in(row.content), row.want) << row.name;
  EXPECT_EQ(token_in("x " + token_for(18)), token_for(18));
}

}  // namespace
}  // namespace lab
