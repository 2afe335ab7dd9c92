#include "spool/format.h"

#include <gtest/gtest.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "spool/journal.h"
#include "spool/spool_testing.h"

namespace spool {
namespace {

const FrameHead frame_head{.kind = FrameKind::data,
                           .epoch = 7,
                           .salt = 0xdeadbeef,
                           .sequence = 9,
                           .octets = 8'192,
                           .records = 3,
                           .durable_up_to = 4'096};
const RecordPlace place{0xdeadbeef, 7, 4'096, 2};

std::string encoded_frame_head(const FrameHead& head = frame_head) {
  std::string out;
  append_frame_head(out, head);
  return out;
}

RecordHead record_head() {
  RecordHead head;
  head.type = RecordType::state;
  head.flags = record_full;
  head.offset = 5'000;
  head.length = 77;
  head.group = 1;
  head.group_records = 2;
  head.id.value = 0x0123456789abcdef;
  head.aux = 12;
  head.body_crc = 99;
  return head;
}

std::string encoded_record_head() {
  std::string out;
  append_record_head(out, record_head(), place);
  return out;
}

/// Calls `is_refused` with every single bit flipped.
template <class Check>
void flip_each_bit(std::string octets, const Check& is_refused) {
  for (std::size_t bit = 0; bit < octets.size() * 8; ++bit) {
    const auto mask = static_cast<char>(1 << bit % 8);
    octets[bit / 8] = static_cast<char>(octets[bit / 8] ^ mask);
    EXPECT_TRUE(is_refused(octets)) << "bit " << bit;
    octets[bit / 8] = static_cast<char>(octets[bit / 8] ^ mask);
  }
}

TEST(spool_format, a_frame_head_comes_back_and_no_bit_of_it_may_differ) {
  const std::string octets = encoded_frame_head();
  ASSERT_EQ(octets.size(), frame_head_octets);
  const auto head = parse_frame_head(octets);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->epoch, 7u);
  EXPECT_EQ(head->salt, 0xdeadbeef);
  EXPECT_EQ(head->sequence, 9u);
  EXPECT_EQ(head->octets, 8'192u);
  EXPECT_EQ(head->records, 3u);
  EXPECT_EQ(head->durable_up_to, 4'096u);
  flip_each_bit(octets, [](std::string_view in) { return !parse_frame_head(in); });
  for (std::size_t cut = 0; cut < octets.size(); ++cut)
    EXPECT_FALSE(parse_frame_head(std::string_view(octets).substr(0, cut)));
}

TEST(spool_format, a_frame_head_that_cannot_be) {
  struct Case {
    std::string_view name;
    std::uint32_t octets;
    std::uint32_t records;
    bool good;
  };
  const Case cases[] = {
      {"no octets", 0, 0, false},
      {"not a multiple of a block", 4'097, 0, false},
      {"as many records as fit", 4'096, (4'096 - 64) / 48, true},
      {"one more", 4'096, (4'096 - 64) / 48 + 1, false},
      {"a count that would overflow", 4'096, 0xffffffff, false},
  };
  for (const Case& row : cases) {
    FrameHead head = frame_head;
    head.octets = row.octets;
    head.records = row.records;
    EXPECT_EQ(parse_frame_head(encoded_frame_head(head)).has_value(), row.good) << row.name;
  }
}

TEST(spool_format, a_record_head_comes_back_and_is_bound_to_its_place) {
  const std::string octets = encoded_record_head();
  ASSERT_EQ(octets.size(), record_head_octets);
  const auto head = parse_record_head(octets, place);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->type, RecordType::state);
  EXPECT_EQ(head->flags, record_full);
  EXPECT_EQ(head->offset, 5'000u);
  EXPECT_EQ(head->length, 77u);
  EXPECT_EQ(head->group, 1u);
  EXPECT_EQ(head->group_records, 2u);
  EXPECT_EQ(head->id.value, 0x0123456789abcdefu);
  EXPECT_EQ(head->aux, 12u);
  EXPECT_EQ(head->body_crc, 99u);
  flip_each_bit(octets, [](std::string_view in) { return !parse_record_head(in, place); });
  for (const RecordPlace& other :
       {RecordPlace{1, 7, 4'096, 2}, RecordPlace{0xdeadbeef, 8, 4'096, 2},
        RecordPlace{0xdeadbeef, 7, 0, 2}, RecordPlace{0xdeadbeef, 7, 4'096, 3}})
    EXPECT_FALSE(parse_record_head(octets, other));
}

TEST(spool_format, an_envelope_comes_back) {
  Envelope envelope = test_envelope(3);
  envelope.auth = "ann";
  envelope.tls = "TLSv1.3";
  envelope.listener = "submission";
  envelope.smtputf8 = true;
  envelope.recipients[1].orcpt = "rfc822;x@y";
  envelope.recipients[1].notify = 5;
  envelope.recipients[1].reverse_path = "<owner-list@example.org>";
  envelope.recipients[1].by_route = true;
  envelope.recipients[0].target = "|/usr/bin/archive a b";
  envelope.recipients[0].trusted = true;
  const std::string body = encode_accepted(envelope, "P: 1\r\n", 1'234, 56);
  const auto decoded = decode_accepted(body);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->envelope, envelope);
  EXPECT_EQ(decoded->prefix, "P: 1\r\n");
  EXPECT_EQ(decoded->content_octets, 1'234u);
  EXPECT_EQ(decoded->content_crc, 56u);
  const auto summary = summarize_accepted(body);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->recipients, 3u);
  EXPECT_EQ(summary->prefix_octets, 6u);
  for (std::size_t cut = 0; cut < body.size(); ++cut)
    EXPECT_FALSE(decode_accepted(std::string_view(body).substr(0, cut))) << cut;
  EXPECT_FALSE(decode_accepted(body + "x"));
}

TEST(spool_format, statuses_come_back_cut_to_their_bounds) {
  RecipientStatus status = status_of(RecipientState::held, 7);
  status.unknown = true;
  status.warned = true;
  status.next_attempt = base::WallTime(std::chrono::milliseconds(5));
  status.last_attempt = base::WallTime(std::chrono::milliseconds(-5));
  status.reroute = "smtp://x.test";
  const std::string body = encode_items({{3, 9, status}});
  auto items = decode_items(body);
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 1u);
  EXPECT_EQ((*items)[0].recipient, 3u);
  EXPECT_EQ((*items)[0].version, 9u);
  EXPECT_EQ((*items)[0].status, status);
  for (std::size_t cut = 0; cut < body.size(); ++cut)
    EXPECT_FALSE(decode_items(std::string_view(body).substr(0, cut))) << cut;
  for (const std::size_t octets : {reply_octets_max, reply_octets_max + 1}) {
    status.last_reply.assign(octets, 'r');
    EXPECT_EQ((*decode_items(encode_items({{0, 1, status}})))[0].status.last_reply.size(),
              reply_octets_max);
  }
}

TEST(spool_format, next_hops_and_damage_come_back) {
  const std::string hop = encode_hop("mx:a.test", std::string("\0\1", 2));
  EXPECT_EQ(decode_hop(hop)->key, "mx:a.test");
  EXPECT_EQ(decode_hop(hop)->blob, std::string("\0\1", 2));
  EXPECT_FALSE(decode_hop(hop + "x"));
  const auto damage = decode_damage(encode_damage(
      {.id = {5}, .epoch = 6, .offset = 7, .length = 8, .content_file = 9, .what = "content"}));
  ASSERT_TRUE(damage);
  EXPECT_EQ(damage->id.value, 5u);
  EXPECT_EQ(damage->epoch, 6u);
  EXPECT_EQ(damage->offset, 7u);
  EXPECT_EQ(damage->length, 8u);
  EXPECT_EQ(damage->content_file, 9u);
  EXPECT_EQ(damage->what, "content");
}

TEST(spool_format, names) {
  EXPECT_EQ(segment_name(42), "log.0000002a");
  EXPECT_EQ(number_in_name("log.0000002a", "log.", 8), 42u);
  for (const char* wrong : {"log.2a", "log.0000002A", "log.0000002a.x", "log.0000002g", "lock", ""})
    EXPECT_FALSE(number_in_name(wrong, "log.", 8)) << wrong;
  EXPECT_EQ(number_in_name(content_name(1), "", 16), 1u);
}

// A journal made by hand, octet by octet as in docs/formats/spool.md.
std::string journal_octets() {
  const auto begun = [](std::string& out, std::uint64_t id) {
    std::string at;
    base::Encoder where(at);
    where.number(std::uint32_t{77});
    where.number(std::uint32_t{3});
    where.number(static_cast<std::uint64_t>(out.size()));
    std::string body;
    base::Encoder encoder(body);
    encoder.number(std::uint8_t{1});
    encoder.number(id);
    encoder.number(std::uint32_t{4});
    encoder.number(std::uint32_t{2});
    encoder.number(std::uint32_t{0});
    encoder.number(std::uint32_t{5});
    base::Encoder front(out);
    front.number(static_cast<std::uint32_t>(body.size()));
    front.number(base::crc32c(body, base::crc32c(at)));
    out += body;
  };
  std::string out;
  base::Encoder head(out);
  head.number(std::uint32_t{0x314a4850});
  head.number(std::uint32_t{3});
  head.number(std::uint32_t{77});
  head.number(base::crc32c(out));
  begun(out, 11);
  begun(out, 12);
  return out;
}

TEST(spool_format, a_journal_is_read_up_to_the_first_record_that_is_not_right) {
  const std::string octets = journal_octets();
  const auto records = parse_journal(octets + std::string(100, '\0'), 3);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].type, JournalRecord::Type::begun);
  EXPECT_EQ(records[0].id.value, 11u);
  EXPECT_EQ(records[0].version, 4u);
  EXPECT_EQ(records[0].recipients, (std::vector<std::uint32_t>{0, 5}));
  EXPECT_TRUE(parse_journal(octets, 4).empty()) << "another file's";
  flip_each_bit(octets, [](std::string_view in) { return parse_journal(in, 3).size() < 2; });
  for (std::size_t cut = 0; cut < octets.size(); ++cut)
    EXPECT_LT(parse_journal(std::string_view(octets).substr(0, cut), 3).size(), 2u);
}

}  // namespace
}  // namespace spool
