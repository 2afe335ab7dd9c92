#include "grammar/source_route.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace grammar {
namespace {

bool is_ours(const Domain& host) {
  static const Domain hostname = *Domain::parse("mx.d.test");
  static const Domain domain = *Domain::parse("b\xc3\xbc.test");
  return host == hostname || host == domain;
}

/// As a route stands in a path; `-` for none.
std::string print(const std::vector<Domain>& route) {
  std::string out;
  for (const Domain& host : route) out += (out.empty() ? "@" : ",@") + host.text();
  return out.empty() ? "-" : out;
}

struct OnwardCase {
  std::string_view name;
  std::string_view path;
  std::string_view rest;
  std::string_view twice = {};  ///< Empty: the route does not loop.
};

const OnwardCase onward_cases[] = {
    {"no route", "<u@z.test>", "-"},
    {"our name in front", "<@mx.d.test,@p.test:u@z.test>", "@p.test"},
    {"in another case", "<@MX.D.Test,@p.test:u@z.test>", "@p.test"},
    {"by a domain of ours, as A-labels", "<@xn--b-eha.test,@p.test:u@z.test>", "@p.test"},
    {"by a domain of ours, as U-labels", "<@b\xc3\xbc.test:u@z.test>", "-"},
    {"only us", "<@mx.d.test:u@z.test>", "-"},
    {"the next host in front", "<@p.test,@u.test:u@z.test>", "@p.test,@u.test"},
    {"the rest keeps its spelling", "<@mx.d.test,@P.Test,@[192.0.2.1]:u@z.test>",
     "@P.Test,@[192.0.2.1]"},
    {"a name twice", "<@p.test,@u.test,@p.test:u@z.test>", "@p.test,@u.test,@p.test", "p.test"},
    {"a name twice, spelt otherwise", "<@p.test,@P.TEST:u@z.test>", "@p.test,@P.TEST", "P.TEST"},
    {"an address twice, spelt otherwise", "<@[IPv6:2001:db8:0::1],@[ipv6:2001:DB8::1]:u@z.test>",
     "@[IPv6:2001:db8:0::1],@[ipv6:2001:DB8::1]", "[ipv6:2001:DB8::1]"},
    {"us again later", "<@mx.d.test,@p.test,@mx.d.test:u@z.test>", "@p.test,@mx.d.test",
     "mx.d.test"},
    {"us again by another name", "<@mx.d.test,@xn--b-eha.test:u@z.test>", "@xn--b-eha.test",
     "xn--b-eha.test"},
    {"us, but not in front", "<@p.test,@mx.d.test:u@z.test>", "@p.test,@mx.d.test", "mx.d.test"},
    {"the last host is the mailbox's", "<@z.test:u@z.test>", "@z.test"},
    {"back to us by others", "<@mx.d.test,@p.test:u@mx.d.test>", "@p.test"},
    {"below us is not us", "<@a.mx.d.test:u@z.test>", "@a.mx.d.test"},
};

TEST(source_route, a_host_takes_itself_off_the_front_and_finds_loops) {
  for (const OnwardCase& row : onward_cases) {
    const ForwardPath path = *ForwardPath::parse(row.path);
    const Onward onward = take_off(path.route, is_ours);
    EXPECT_EQ(print(onward.route), row.rest) << row.name;
    EXPECT_EQ(onward.loops, !row.twice.empty()) << row.name;
    EXPECT_EQ(onward.twice.text(), row.twice) << row.name;
  }
}

struct BackCase {
  std::string_view name;
  std::string_view path;
  std::string_view back;
  std::string_view in_front;
};

const BackCase back_cases[] = {
    {"the originator's first server", "<s@a.test>", "-", "<@mx.d.test:s@a.test>"},
    {"one station before", "<@a.test:s@a.test>", "@a.test", "<@mx.d.test,@a.test:s@a.test>"},
    {"nobody", "<>", "-", "<>"},
    {"we are the next station back", "<@mx.d.test,@a.test:s@a.test>", "@a.test",
     "<@mx.d.test,@a.test:s@a.test>"},
    {"it came by us before", "<@p.test,@MX.D.TEST,@a.test:s@a.test>", "@a.test",
     "<@mx.d.test,@a.test:s@a.test>"},
    {"it came by us twice", "<@mx.d.test,@p.test,@b\xc3\xbc.test:s@a.test>", "-",
     "<@mx.d.test:s@a.test>"},
    {"case is kept", "<@P.Test:S@A.Test>", "@P.Test", "<@mx.d.test,@P.Test:S@A.Test>"},
};

TEST(source_route, the_way_back_leads_on_from_us_and_we_stand_in_front_of_it) {
  const Domain us = *Domain::parse("mx.d.test");
  for (const BackCase& row : back_cases) {
    const ReversePath path = *ReversePath::parse(row.path);
    EXPECT_EQ(print(way_back(path.route, is_ours)), row.back) << row.name;
    EXPECT_EQ(put_in_front(us, path, is_ours).print(), row.in_front) << row.name;
  }
}

TEST(source_route, no_path_is_built_that_a_host_need_not_take) {
  const Domain us = *Domain::parse("mx.d.test");
  const std::string rest = ":s@a.test>";
  const auto path_of = [&](std::size_t octets) {
    std::string text = "<@a.test";
    while (octets - text.size() - rest.size() > 60) text += ",@" + std::string(50, 'x') + ".test";
    const std::size_t more = octets - text.size() - rest.size();
    text += ",@" + std::string(more - 2, 'y') + rest;
    EXPECT_EQ(text.size(), octets);
    return *ReversePath::parse(text);
  };
  const std::size_t ours = std::string_view("@mx.d.test,").size();
  const ReversePath fits = path_of(built_path_octets_max - ours);
  EXPECT_EQ(put_in_front(us, fits, is_ours).print().size(), built_path_octets_max);
  const ReversePath too_long = path_of(built_path_octets_max - ours + 1);
  EXPECT_EQ(put_in_front(us, too_long, is_ours).print(), "<s@a.test>");

  // Counted as it is said to a host without SMTPUTF8, which takes more octets.
  ReversePath grows = path_of(built_path_octets_max - ours - 12);
  grows.route[0] = *Domain::parse("b\xc3\xbc\xc3\xbc\xc3\xbc.example");
  EXPECT_EQ(put_in_front(us, grows, is_ours).route.empty(),
            grows.print(DomainForm::ascii).size() + ours > built_path_octets_max);
}

}  // namespace
}  // namespace grammar
