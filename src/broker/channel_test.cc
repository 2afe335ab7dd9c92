#include "broker/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "broker/message.h"

namespace broker {
namespace {

using base::IoErrorCode;
using sys::real::Descriptor;

TEST(channel, packets_stay_whole_and_carry_descriptors) {
  const auto pair = make_channel();
  ASSERT_TRUE(pair.has_value());
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const Descriptor read(pipe[0]);
  {
    const Descriptor write(pipe[1]);
    ASSERT_TRUE(send_packet(pair->ours, "one", {write.get()}));
  }
  ASSERT_TRUE(send_packet(pair->ours, "two"));
  const auto one = receive_packet(pair->theirs, false);
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(one->octets, "one");
  ASSERT_EQ(one->descriptors.size(), 1u);
  ASSERT_EQ(::write(one->descriptors[0].get(), "x", 1), 1);
  char octet = 0;
  EXPECT_EQ(::read(read.get(), &octet, 1), 1);
  const auto two = receive_packet(pair->theirs, false);
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(two->octets, "two");
  EXPECT_TRUE(two->descriptors.empty());
  EXPECT_EQ(receive_packet(pair->theirs, false).error().code, IoErrorCode::busy);
}

TEST(channel, the_other_end_may_be_gone) {
  auto pair = make_channel();
  ASSERT_TRUE(pair.has_value());
  pair->ours = Descriptor();
  EXPECT_EQ(receive_packet(pair->theirs).error().code, IoErrorCode::closed);
  EXPECT_EQ(send_packet(pair->theirs, "x").error().code, IoErrorCode::reset);
}

TEST(channel, limits_and_one_past) {
  const auto pair = make_channel();
  ASSERT_TRUE(pair.has_value());
  ASSERT_TRUE(send_packet(pair->ours, std::string(message_octets_max, 'x')));
  ASSERT_TRUE(send_packet(pair->ours, std::string(message_octets_max + 1, 'x')));
  ASSERT_TRUE(send_packet(pair->ours, "next"));
  const auto whole = receive_packet(pair->theirs, false);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->octets.size(), message_octets_max);
  EXPECT_EQ(receive_packet(pair->theirs, false).error().code, IoErrorCode::failed);
  EXPECT_EQ(receive_packet(pair->theirs, false)->octets, "next");
}

TEST(channel, who_does_not_read_is_not_waited_for) {
  const auto pair = make_channel();
  ASSERT_TRUE(pair.has_value());
  base::Io<> sent;
  for (int i = 0; i < 100'000 && sent; ++i) sent = send_packet(pair->ours, std::string(1'000, 'x'));
  EXPECT_EQ(sent.error().code, IoErrorCode::busy);
}

/// A worker that wants a program killed, and a broker that has just told of its end.
TEST(channel, what_was_sent_is_read_though_nobody_heard_that_we_have_ended) {
  auto pair = make_channel();
  ASSERT_TRUE(pair.has_value());
  ASSERT_TRUE(send_packet(pair->ours, "the end"));
  end_sending(pair->theirs);
  pair->ours = sys::real::Descriptor();
  const auto packet = receive_packet(pair->theirs, false);
  ASSERT_TRUE(packet.has_value());
  EXPECT_EQ(packet->octets, "the end");
}

TEST(channel, the_end_of_sending_is_seen_and_answered) {
  const auto pair = make_channel();
  ASSERT_TRUE(pair.has_value());
  end_sending(pair->theirs);
  EXPECT_EQ(receive_packet(pair->ours, false).error().code, IoErrorCode::closed);
  ASSERT_TRUE(send_packet(pair->ours, "the end"));
  EXPECT_TRUE(receive_packet(pair->theirs, false).has_value());
}

/// More than we would send ourselves.
TEST(channel, too_many_descriptors_are_refused_and_closed) {
  const auto pair = make_channel();
  ASSERT_TRUE(pair.has_value());
  std::array<int, descriptors_max + 5> many{};
  many.fill(STDIN_FILENO);
  char octet = 'x';
  iovec piece{&octet, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof many)> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof many);
  std::memcpy(CMSG_DATA(part), many.data(), sizeof many);
  ASSERT_EQ(::sendmsg(pair->ours.get(), &message, 0), 1);
  EXPECT_EQ(receive_packet(pair->theirs, false).error().code, IoErrorCode::failed);
}

}  // namespace
}  // namespace broker
