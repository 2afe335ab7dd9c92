#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "grammar/mailbox.h"
#include "lab/ledger.h"
#include "lab/reading.h"

namespace lab {

using config::Section;
using config::Text;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t recipients_max = 1'000;
constexpr std::size_t route_max = 20;
constexpr std::uint64_t letter_octets_max = std::uint64_t{64} << 20;

/// An address that a client without SMTPUTF8 can write.
std::optional<grammar::Mailbox> to_mailbox(Section& section, const Text& text) {
  auto mailbox = grammar::Mailbox::parse(text.value);
  if (mailbox && !mailbox->needs_smtputf8() && !mailbox->domain.empty()) return *mailbox;
  section.fail(text, fmt::format("expected an address such as \"alice@example.org\", found \"{}\"",
                                 text.value));
  return std::nullopt;
}

std::string print(const grammar::Mailbox& mailbox) {
  return mailbox.print(grammar::DomainForm::ascii);
}

/// The servers of ours whose mailboxes are in a domain, in their order.
std::vector<std::string> homes_of(const grammar::Domain& domain, const Reading& reading) {
  std::vector<std::string> out;
  for (const ServerPlan& plan : reading.out.servers) {
    if (plan.config->local_domains.contains(domain)) out.push_back(plan.name);
  }
  return out;
}

bool is_foreign(const grammar::Domain& domain, const Reading& reading) {
  const std::string name = base::lower(domain.ascii());
  return std::ranges::any_of(reading.out.foreign,
                             [&](const ForeignPlan& plan) { return contains(plan.domains, name); });
}

/// Who sends, and where it is submitted.
void read_origin(Section& section, TrafficPlan& plan, const Reading& reading) {
  std::vector<std::string> homes;
  if (const auto from = section.required_text("from", "expected an address")) {
    if (const auto mailbox = to_mailbox(section, *from)) {
      plan.from = print(*mailbox);
      homes = homes_of(mailbox->domain, reading);
      if (homes.empty() && reading.complete && !is_foreign(mailbox->domain, reading))
        section.fail(*from,
                     "expected an address at one of the servers or foreign hosts here: else "
                     "reports have no place to go to");
    }
  }
  const auto server = section.filled_text("server");
  if (server) {
    plan.server = base::lower(server->value);
    if (reading.complete && !contains(reading.out.servers, plan.server, &ServerPlan::name))
      section.fail(*server,
                   fmt::format("expected the name of a [[server]], found \"{}\"", server->value));
  } else if (!homes.empty()) {
    plan.server = homes.front();
  } else if (reading.complete) {
    section.fail_at("server", "missing: expected the [[server]] where it is submitted");
  }
}

void read_destination(Section& section, TrafficPlan& plan) {
  const std::vector<Text> to = section.required_texts("to", "expected an array of addresses");
  for (const Text& text : to) {
    if (const auto mailbox = to_mailbox(section, text)) plan.to.push_back(print(*mailbox));
  }
  if (to.size() > recipients_max)
    section.fail_at("to", fmt::format("expected at most {} addresses", recipients_max));
  section.boolean("together", plan.together);
  const std::vector<Text> route = section.texts("route");
  for (const Text& text : route) {
    if (auto host = to_name(section, text)) plan.route.push_back(std::move(*host));
  }
  if (route.size() > route_max)
    section.fail_at("route", fmt::format("expected at most {} hosts", route_max));
}

void read_amounts(Section& section, TrafficPlan& plan) {
  constexpr config::Bounds<std::uint64_t> sizes{.min = 1, .max = letter_octets_max};
  section.count("messages", {.min = 1, .max = messages_max}, plan.messages);
  section.duration("start", {.min = 0s, .max = duration_max}, plan.start);
  section.duration("over", {.min = 0s, .max = duration_max}, plan.over);
  section.size("size", sizes, plan.octets_min);
  plan.octets_max = plan.octets_min;
  section.size("size_max", sizes, plan.octets_max);
  if (plan.octets_max < plan.octets_min)
    section.fail_at("size_max", "expected at least `size`, which is 1KiB where it is not given");
}

void read_one(Section& section, Reading& reading) {
  TrafficPlan plan;
  read_origin(section, plan, reading);
  read_destination(section, plan);
  plan.client = read_address(section, "client");
  read_amounts(section, plan);
  section.finish();
  if (plan.client)
    (void)reading.take_address(section, *plan.client, "client " + plan.client->to_string());
  reading.out.traffic.push_back(std::move(plan));
}

/// What all of it needs is bounded.
void check_sums(Section& root, const Description& description) {
  std::uint64_t messages = 0;
  double octets = 0;
  for (const TrafficPlan& plan : description.traffic) {
    messages += plan.messages;
    const std::size_t copies = plan.together ? plan.to.size() : 1;
    octets += static_cast<double>(plan.messages) * static_cast<double>(plan.octets_max) *
              static_cast<double>(copies);
  }
  if (messages > messages_max)
    root.fail_at("traffic", fmt::format("expected at most {} messages in all", messages_max));
  if (octets > static_cast<double>(content_octets_max))
    root.fail_at("traffic", "expected at most 1GiB of contents in all, once for each recipient");
}

// [expect]

struct Known {
  std::string key;
  std::string what;
  Expectation::Bound bound;
};

std::vector<Known> expectations() {
  using Bound = Expectation::Bound;
  std::vector<Known> out;
  for (const auto& [figure, zero] : figures({})) {
    const std::string name(figure);
    out.push_back({name, name, Bound::exactly});
    out.push_back({name + "_min", name, Bound::at_least});
    out.push_back({name + "_max", name, Bound::at_most});
  }
  return out;
}

void read_expectations(Section& root, Description& out) {
  const std::vector<Known> known = expectations();  // The section refers to its texts.
  Section section = root.table("expect");
  for (const Known& one : known) {
    std::size_t value = 0;
    section.count(one.key, {.min = 0, .max = 1'000'000'000}, value);
    if (section.has(one.key)) out.expectations.push_back({one.key, one.what, one.bound, value});
  }
  section.finish();
}

}  // namespace

void read_traffic(Section& root, Reading& reading) {
  for (Section& section : root.tables("traffic")) read_one(section, reading);
  check_sums(root, reading.out);
  read_expectations(root, reading.out);
}

}  // namespace lab
