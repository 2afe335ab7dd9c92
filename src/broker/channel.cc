#include "broker/channel.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "broker/message.h"

namespace broker {

using base::Io;
using base::IoErrorCode;
using sys::real::Descriptor;
using sys::real::system_failure;

namespace {

constexpr std::size_t control_octets = CMSG_SPACE(sizeof(int) * descriptors_max);

void take_descriptors(msghdr& message, Packet& packet) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      packet.descriptors.emplace_back(fd);
    }
  }
}

}  // namespace

Io<ChannelPair> make_channel() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return system_failure();
  }
  return ChannelPair{Descriptor(ends[0]), Descriptor(ends[1])};
}

Io<> send_packet(const Descriptor& channel, std::string_view octets,
                 const std::vector<int>& descriptors) {
  PH_ASSERT(descriptors.size() <= descriptors_max);
  iovec piece{const_cast<char*>(octets.data()), octets.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, control_octets> control{};
  if (!descriptors.empty()) {
    const std::size_t size = descriptors.size() * sizeof(int);
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(part), descriptors.data(), size);
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(channel.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return system_failure();
  return {};
}

Io<Packet> receive_packet(const Descriptor& channel, bool wait) {
  Packet packet;
  packet.octets.resize(message_octets_max);
  iovec piece{packet.octets.data(), packet.octets.size()};
  alignas(cmsghdr) std::array<char, control_octets> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(channel.get(), &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return system_failure();
  take_descriptors(message, packet);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return base::io_error(IoErrorCode::failed, EMSGSIZE);
  }
  if (got == 0) return base::io_error(IoErrorCode::closed);
  packet.octets.resize(static_cast<std::size_t>(got));
  return packet;
}

void end_sending(const Descriptor& channel) { (void)::shutdown(channel.get(), SHUT_WR); }

}  // namespace broker
