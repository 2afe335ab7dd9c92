#include "cli/demo_dns.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "sys/linux/thread.h"

namespace cli {
namespace {

constexpr std::size_t udp_octets_max = 512;  // [RFC1035 4.2.1], and we do not offer more.

}  // namespace

std::expected<std::unique_ptr<DemoDns>, std::string> DemoDns::start(dns::Zone zone) {
  std::unique_ptr<DemoDns> out(new DemoDns(std::move(zone)));
  out->socket_ = sys::real::Descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  out->stop_ = sys::real::Descriptor(::eventfd(0, EFD_CLOEXEC));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!out->socket_ || !out->stop_ || ::bind(out->socket_.get(), generic, size) != 0 ||
      ::getsockname(out->socket_.get(), generic, &size) != 0) {
    return std::unexpected("a UDP socket on 127.0.0.1: " +
                           base::describe(sys::real::system_failure().error()));
  }
  out->address_ = {base::IpAddress::v4({127, 0, 0, 1}), ntohs(address.sin_port)};
  out->thread_ = sys::real::start_thread("ph-demo-dns", [dns = out.get()] { dns->serve(); });
  return out;
}

DemoDns::~DemoDns() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void DemoDns::serve() const {
  pollfd waiting[] = {{.fd = socket_.get(), .events = POLLIN, .revents = 0},
                      {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
  while (waiting[1].revents == 0) {
    if (::poll(waiting, std::size(waiting), -1) > 0 && waiting[0].revents != 0) answer_one();
  }
}

void DemoDns::answer_one() const {
  char octets[udp_octets_max];
  sockaddr_storage client{};
  socklen_t size = sizeof client;
  auto* generic = reinterpret_cast<sockaddr*>(&client);
  const ssize_t got =
      ::recvfrom(socket_.get(), octets, sizeof octets, MSG_DONTWAIT, generic, &size);
  if (got < 0) return;
  const auto query = dns::decode({octets, static_cast<std::size_t>(got)});
  if (!query || query->response || query->questions.empty()) return;
  const dns::Message response = zone_.respond(*query);
  const std::string out = dns::encode(response, udp_octets_max);
  (void)::sendto(socket_.get(), out.data(), out.size(), MSG_NOSIGNAL, generic, size);
}

}  // namespace cli
