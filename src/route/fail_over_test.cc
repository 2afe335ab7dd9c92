#include "route/fail_over.h"

#include <gtest/gtest.h>

namespace route {
namespace {

MxLookup::Result found(std::string name) {
  return std::vector<Host>{{.name = std::move(name),
                            .addresses = {base::IpAddress::parse("192.0.2.1").value()},
                            .port = 25}};
}
MxLookup::Result none(NoHost why) { return std::unexpected(NoHostError{why, ""}); }

struct Case {
  std::string_view name;
  std::vector<MxLookup::Result> results;
  std::string_view want;  ///< "preference name …", or the status of the error.
};

const Case cases[] = {
    {"one host", {found("a")}, "0 a "},
    {"in the order of via", {found("b"), found("a")}, "0 b 1 a "},
    {"one that is not found keeps its place",
     {none(NoHost::next_hop_unknown), found("b"), found("c")},
     "1 b 2 c "},
    {"none is found", {none(NoHost::next_hop_unknown), none(NoHost::dns_failed)}, "4.4.4"},
    {"ourselves ends the list", {found("a"), none(NoHost::ourselves), found("c")}, "0 a "},
    {"ourselves first", {none(NoHost::ourselves), found("b")}, "5.4.6"},
    {"nothing known before ourselves",
     {none(NoHost::dns_failed), none(NoHost::ourselves)},
     "4.4.3"},
    {"what is temporary goes before what is final",
     {none(NoHost::other_family), none(NoHost::dns_failed)},
     "4.4.3"},
};

TEST(FailOver, hosts_in_the_order_of_trial_or_why_there_is_none) {
  for (const Case& row : cases) {
    FailOver hosts;
    for (const MxLookup::Result& result : row.results) {
      if (!hosts.add(result)) break;
    }
    const MxLookup::Result all = hosts.take();
    std::string got;
    if (!all) got = status_of(all.error().why);
    for (const Host& host : all ? *all : std::vector<Host>()) {
      got += std::to_string(host.preference) + " " + host.name + " ";
    }
    EXPECT_EQ(got, row.want) << row.name;
  }
}

}  // namespace
}  // namespace route
