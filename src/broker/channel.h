#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sys/linux/descriptor.h"

// Packets with descriptors between two processes.
namespace broker {

/// Of one packet.
inline constexpr std::size_t descriptors_max = 3;

struct Packet {
  std::string octets;
  std::vector<sys::real::Descriptor> descriptors;
};

struct ChannelPair {
  sys::real::Descriptor ours;
  sys::real::Descriptor theirs;
};
/// Keeps packets whole; closed by execve().
[[nodiscard]] base::Io<ChannelPair> make_channel();

/// Never waits: who does not read what it is sent has no room for more (IoErrorCode::busy). The
/// descriptors stay with the caller.
[[nodiscard]] base::Io<> send_packet(const sys::real::Descriptor& channel, std::string_view octets,
                                     const std::vector<int>& descriptors = {});
/// IoErrorCode::closed: the other end is gone. A packet of more than message_octets_max octets or
/// descriptors_max descriptors is IoErrorCode::failed, and nothing of it is kept.
[[nodiscard]] base::Io<Packet> receive_packet(const sys::real::Descriptor& channel,
                                              bool wait = true);
/// Nothing more will be sent from here, which the other end finds as IoErrorCode::closed. A packet
/// would not do to tell it: if the other end went without having read it, what that end had sent
/// before would be lost.
void end_sending(const sys::real::Descriptor& channel);

}  // namespace broker
