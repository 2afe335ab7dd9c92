#include "sys/linux/net.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

#include "sys/linux/net_awaitables.h"
#include "sys/linux/runner.h"
#include "sys/linux/socket.h"

namespace sys::real {
namespace {

using base::Endpoint;
using base::Group;
using base::Io;
using base::IoError;
using base::IoErrorCode;
using base::Task;
using std::chrono::milliseconds;
using Peer = std::unique_ptr<Connection>;

const Endpoint any_port = *Endpoint::parse("127.0.0.1:0");

IoErrorCode code(const auto& io) { return io ? IoErrorCode::failed : io.error().code; }

struct Pair {
  Peer a;
  Peer b;
};

class RealNetTest : public testing::Test {
 protected:
  std::unique_ptr<Listener> listen(const Endpoint& endpoint = any_port) {
    auto listener = net->listen(endpoint);
    PH_ASSERT(listener.has_value());
    return std::move(*listener);
  }

  Runner runner;
  std::unique_ptr<Net> net = make_net(runner.loop);
};

Task<> keep_accepted(Listener& listener, Io<Peer>& result) { result = co_await accept(listener); }

Task<> make_pair(Net& net, Listener& listener, Pair& pair) {
  Io<Peer> accepted = base::io_error(IoErrorCode::failed);
  Group group;
  group.spawn(keep_accepted(listener, accepted));
  Io<Peer> connected = co_await connect(net, listener.local());
  co_await group.join();
  EXPECT_TRUE(accepted && connected);
  pair = {std::move(*connected), std::move(*accepted)};
}

Task<> echo(Connection& peer) {
  for (;;) {
    const Io<std::string_view> got = co_await read(peer);
    if (!got) co_return;
    const std::string copy(*got);
    const std::string_view piece = copy;
    if (!co_await write(peer, {&piece, 1})) co_return;
  }
}

Task<std::string> read_octets(Connection& peer, std::size_t octets) {
  std::string all;
  while (all.size() < octets) {
    const Io<std::string_view> got = co_await read(peer);
    if (!got) break;
    all += *got;
  }
  co_return all;
}

Task<> talk_until_closed(Net& net, Listener& listener) {
  Pair pair;
  co_await make_pair(net, listener, pair);
  {
    Group group;
    group.spawn(echo(*pair.b));
    for (int i = 0; i < 100; ++i) {
      const std::array<std::string_view, 3> pieces = {"EHLO ", "", "a.example\r\n"};
      EXPECT_TRUE(co_await write(*pair.a, pieces));
      EXPECT_EQ(co_await read_octets(*pair.a, 16), "EHLO a.example\r\n");
    }
    EXPECT_EQ(pair.a->remote(), listener.local());
    EXPECT_EQ(pair.b->local(), listener.local());
    EXPECT_EQ(pair.a->local(), pair.b->remote());
    pair.a->shutdown();
    co_await group.join();
  }
  pair.b.reset();
  EXPECT_EQ(code(co_await read(*pair.a)), IoErrorCode::closed);
}

TEST_F(RealNetTest, carries_octets_both_ways_and_the_end) {
  const auto listener = listen();
  runner.run(talk_until_closed(*net, *listener));
}

TEST_F(RealNetTest, carries_octets_over_ipv6) {
  const auto listener = listen(*Endpoint::parse("[::1]:0"));
  runner.run(talk_until_closed(*net, *listener));
}

TEST_F(RealNetTest, both_families_may_listen_on_one_port) {
  const auto six = listen(*Endpoint::parse("[::]:0"));
  const auto four = net->listen({base::IpAddress::v4({0, 0, 0, 0}), six->local().port});
  EXPECT_TRUE(four) << describe(four.error());
}

TEST_F(RealNetTest, a_port_that_is_taken_is_busy) {
  const auto listener = listen();
  EXPECT_EQ(code(net->listen(listener->local())), IoErrorCode::busy);
  const auto sharing = make_net(runner.loop, {.share_ports = true});
  const auto first = sharing->listen(any_port);
  ASSERT_TRUE(first);
  EXPECT_TRUE(sharing->listen((*first)->local()));
}

Task<> connect_for_result(Net& net, Endpoint remote, std::optional<base::IpAddress> source,
                          Io<Endpoint>& local) {
  const Io<Peer> peer = co_await connect(net, remote, source);
  local = peer ? Io<Endpoint>((*peer)->local()) : std::unexpected(peer.error());
}

TEST_F(RealNetTest, nobody_listens_is_refused) {
  const Endpoint closed = listen()->local();
  Io<Endpoint> result = Endpoint{};
  runner.run(connect_for_result(*net, closed, std::nullopt, result));
  EXPECT_EQ(code(result), IoErrorCode::refused);
}

TEST_F(RealNetTest, connects_from_the_source_address) {
  const auto listener = listen();
  const auto source = base::IpAddress::v4({127, 0, 0, 9});
  Io<Endpoint> result = Endpoint{};
  runner.run(connect_for_result(*net, listener->local(), source, result));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->address, source);
}

TEST_F(RealNetTest, a_source_address_that_is_not_ours_fails) {
  const auto listener = listen();
  Io<Endpoint> result = Endpoint{};
  runner.run(
      connect_for_result(*net, listener->local(), base::IpAddress::v4({192, 0, 2, 1}), result));
  EXPECT_EQ(code(result), IoErrorCode::unreachable);
}

Task<> cancel_a_connect(Net& net, Endpoint remote, Io<Endpoint>& result) {
  Group group;
  group.spawn(connect_for_result(net, remote, std::nullopt, result));
  EXPECT_EQ(group.size(), 1u) << "the handshake waits";
  group.cancel();
  EXPECT_EQ(group.size(), 1u) << "nothing ends inside cancel()";
  co_await group.join();
}

TEST_F(RealNetTest, a_connect_can_be_cancelled) {
  // A server whose line is full: the kernel drops further handshakes.
  const auto socket = open_stream_socket(AF_INET);
  const SocketAddress address = SocketAddress::of(any_port);
  ASSERT_EQ(::bind(socket->get(), address.get(), address.octets), 0);
  ASSERT_EQ(::listen(socket->get(), 0), 0);
  const Endpoint server = local_endpoint(socket->get());
  const SocketAddress to = SocketAddress::of(server);
  std::vector<Descriptor> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(*open_stream_socket(AF_INET));
    (void)::connect(fillers.back().get(), to.get(), to.octets);
  }
  Io<Endpoint> result = Endpoint{};
  runner.run(cancel_a_connect(*net, server, result));
  EXPECT_EQ(code(result), IoErrorCode::cancelled);
}

Task<> read_for_result(Connection& peer, Io<std::string>& result) {
  const Io<std::string_view> got = co_await read(peer);
  result = got ? Io<std::string>(*got) : std::unexpected(got.error());
}

Task<> cancel_a_read(Net& net, Listener& listener) {
  Pair pair;
  co_await make_pair(net, listener, pair);
  Io<std::string> result;
  Group group;
  group.spawn(read_for_result(*pair.a, result));
  const std::string_view piece = "250 ok\r\n";
  EXPECT_TRUE(co_await write(*pair.b, {&piece, 1}));
  group.cancel();  // What could be read has not been taken yet.
  EXPECT_EQ(group.size(), 1u) << "nothing ends inside cancel()";
  co_await group.join();
  EXPECT_EQ(code(result), IoErrorCode::cancelled);
  EXPECT_EQ(co_await read_octets(*pair.a, piece.size()), piece);
}

TEST_F(RealNetTest, a_cancelled_read_takes_nothing) {
  const auto listener = listen();
  runner.run(cancel_a_read(*net, *listener));
}

Task<> write_for_result(Connection& peer, std::string_view text, Io<>& result) {
  result = co_await write(peer, {&text, 1});
}

Task<> cancel_one_of_two(Net& net, Listener& listener, bool cancel_the_reader) {
  Pair pair;
  co_await make_pair(net, listener, pair);
  const std::string large(8 << 20, 'x');
  Io<std::string> read_result;
  Io<> write_result;
  Group reader;
  Group writer;
  reader.spawn(read_for_result(*pair.a, read_result));
  writer.spawn(write_for_result(*pair.a, large, write_result));
  EXPECT_EQ(reader.size() + writer.size(), 2u) << "both wait";
  (cancel_the_reader ? reader : writer).cancel();
  co_await (cancel_the_reader ? reader : writer).join();
  EXPECT_EQ(reader.size() + writer.size(), 1u) << "the other one waits on";
  if (cancel_the_reader) {
    EXPECT_EQ(code(read_result), IoErrorCode::cancelled);
    EXPECT_EQ((co_await read_octets(*pair.b, large.size())).size(), large.size());
    co_await writer.join();
    EXPECT_TRUE(write_result);
  } else {
    EXPECT_EQ(code(write_result), IoErrorCode::cancelled);
    const std::string_view piece = "hello";
    EXPECT_TRUE(co_await write(*pair.b, {&piece, 1}));
    co_await reader.join();
    EXPECT_EQ(read_result, Io<std::string>("hello"));
  }
}

TEST_F(RealNetTest, cancelling_the_reader_leaves_the_writer_alone) {
  const auto listener = listen();
  runner.run(cancel_one_of_two(*net, *listener, true));
}

TEST_F(RealNetTest, cancelling_the_writer_leaves_the_reader_alone) {
  const auto listener = listen();
  runner.run(cancel_one_of_two(*net, *listener, false));
}

/// 56 octets or more: so that all together are more than the kernel's buffers hold.
std::string numbered(int i) { return std::to_string(i) + std::string(55, ' '); }

Task<> write_numbers(Connection& peer, int count, bool& sent) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back(numbered(i));
  const std::vector<std::string_view> pieces(texts.begin(), texts.end());
  sent = (co_await write(peer, pieces)).has_value();
  peer.shutdown();
}

Task<> send_many_pieces(Net& net, Listener& listener) {
  constexpr int count = 300'000;
  Pair pair;
  co_await make_pair(net, listener, pair);
  bool sent = false;
  Group group;
  group.spawn(write_numbers(*pair.a, count, sent));
  EXPECT_FALSE(sent) << "more than the kernel holds";
  const std::string got = co_await read_octets(*pair.b, SIZE_MAX);
  co_await group.join();
  EXPECT_TRUE(sent);
  std::string want;
  for (int i = 0; i < count; ++i) want += numbered(i);
  EXPECT_EQ(got.size(), want.size());
  EXPECT_TRUE(got == want);
}

TEST_F(RealNetTest, a_large_write_waits_for_its_reader_and_arrives_in_order) {
  const auto listener = listen();
  runner.run(send_many_pieces(*net, *listener));
}

Task<> meet_a_reset(Net& net, Listener& listener) {
  Pair pair;
  co_await make_pair(net, listener, pair);
  const std::string_view piece = "unread";
  EXPECT_TRUE(co_await write(*pair.a, {&piece, 1}));
  Io<std::string> result;
  Group group;
  group.spawn(read_for_result(*pair.a, result));
  pair.b.reset();  // With unread input: the kernel resets [RFC1122 4.2.2.13].
  co_await group.join();
  EXPECT_EQ(code(result), IoErrorCode::reset);
  EXPECT_EQ(code(co_await write(*pair.a, {&piece, 1})), IoErrorCode::reset);
}

TEST_F(RealNetTest, a_reset_is_seen_by_reader_and_writer) {
  const auto listener = listen();
  runner.run(meet_a_reset(*net, *listener));
}

Task<> write_small(Connection& peer, int times, bool& done) {
  const std::string_view piece = "x";
  for (int i = 0; i < times; ++i) EXPECT_TRUE(co_await write(peer, {&piece, 1}));
  done = true;
}

Task<> write_beside_another(Net& net, Listener& listener) {
  Pair pair;
  co_await make_pair(net, listener, pair);
  bool done = false;
  Group group;
  group.spawn(write_small(*pair.a, 1'000, done));
  EXPECT_FALSE(done) << "a task whose writes never wait must not keep the loop";
  co_await group.join();
  EXPECT_TRUE(done);
}

TEST_F(RealNetTest, a_fast_peer_does_not_keep_the_loop_for_itself) {
  const auto listener = listen();
  runner.run(write_beside_another(*net, *listener));
}

Task<> cancel_an_accept(Listener& listener, Io<Peer>& result) {
  Group group;
  group.spawn(keep_accepted(listener, result));
  group.cancel();
  EXPECT_EQ(group.size(), 1u);
  co_await group.join();
}

TEST_F(RealNetTest, an_accept_can_be_cancelled) {
  const auto listener = listen();
  Io<Peer> result = base::io_error(IoErrorCode::failed);
  runner.run(cancel_an_accept(*listener, result));
  EXPECT_EQ(code(result), IoErrorCode::cancelled);
  runner.run(talk_until_closed(*net, *listener));
}

/// While it lives, no more descriptors can be opened.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

Task<> accept_without_descriptors(Net& net, Listener& listener) {
  const Io<Peer> peer = co_await connect(net, listener.local());
  EXPECT_TRUE(peer);
  {
    const NoDescriptors none;
    EXPECT_EQ(code(co_await accept(listener)), IoErrorCode::no_descriptors);
    EXPECT_EQ(code(co_await accept(listener)), IoErrorCode::no_descriptors);
    EXPECT_EQ(code(co_await connect(net, listener.local())), IoErrorCode::no_descriptors);
  }
  EXPECT_TRUE(co_await accept(listener)) << "the listener stays good";
}

TEST_F(RealNetTest, without_descriptors_the_listener_stays_good) {
  const auto listener = listen();
  runner.run(accept_without_descriptors(*net, *listener));
}

Task<> talk_over_unix(Net& net, Listener& listener, const std::string& path) {
  Io<Peer> accepted = base::io_error(IoErrorCode::failed);
  Group group;
  group.spawn(keep_accepted(listener, accepted));
  Io<Peer> connected = co_await connect_unix(net, path);
  co_await group.join();
  EXPECT_TRUE(accepted && connected);
  group.spawn(echo(**accepted));
  const std::string_view piece = "hello";
  EXPECT_TRUE(co_await write(**connected, {&piece, 1}));
  EXPECT_EQ(co_await read_octets(**connected, 5), "hello");
  EXPECT_EQ((*connected)->remote(), Endpoint{});
  (*connected)->shutdown();
  co_await group.join();
}

Task<> connect_unix_for_result(Net& net, const std::string& path, Io<Peer>& result) {
  result = co_await connect_unix(net, path);
}

TEST_F(RealNetTest, unix_sockets_are_private_and_go_with_their_listener) {
  const TemporaryFolder folder;
  const std::string path = folder / "socket";
  auto listener = net->listen_unix(path);
  ASSERT_TRUE(listener);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  runner.run(talk_over_unix(*net, **listener, path));
  EXPECT_EQ(code(net->listen_unix(path)), IoErrorCode::busy) << "somebody answers there";
  listener->reset();
  EXPECT_FALSE(std::filesystem::exists(path));
  Io<Peer> result = base::io_error(IoErrorCode::failed);
  runner.run(connect_unix_for_result(*net, path, result));
  EXPECT_EQ(code(result), IoErrorCode::not_found);
}

TEST_F(RealNetTest, a_stale_unix_socket_is_replaced_but_no_other_file) {
  const TemporaryFolder folder;
  const std::string path = folder / "socket";
  {
    const auto dead = open_stream_socket(AF_UNIX);
    const auto address = SocketAddress::of_path(path);
    ASSERT_EQ(::bind(dead->get(), address->get(), address->octets), 0);
  }
  EXPECT_TRUE(net->listen_unix(path));
  std::ofstream(path) << "precious";
  EXPECT_EQ(code(net->listen_unix(path)), IoErrorCode::busy);
  EXPECT_TRUE(std::filesystem::exists(path));
}

Task<> find_peer_uid(Net& net, Listener& listener, const std::string& path,
                     std::optional<std::uint32_t>& uid) {
  base::Group group;
  Io<Peer> connected = base::io_error(IoErrorCode::failed);
  group.spawn(connect_unix_for_result(net, path, connected));
  const Io<Peer> accepted =
      co_await base::operation<Io<Peer>>([&](auto& done) { return listener.accept(done); });
  co_await group.join();
  if (accepted) uid = (*accepted)->peer_uid();
}

TEST_F(RealNetTest, a_unix_socket_for_everybody_tells_who_has_come) {
  const TemporaryFolder folder;
  const std::string path = folder / "socket";
  const mode_t old_mask = ::umask(077);
  auto listener = net->listen_unix(path, UnixAccess::everybody);
  ::umask(old_mask);
  ASSERT_TRUE(listener);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666u);
  std::optional<std::uint32_t> uid;
  runner.run(find_peer_uid(*net, **listener, path, uid));
  EXPECT_EQ(uid, ::getuid());
}

TEST_F(RealNetTest, unix_paths_have_a_limit) {
  const TemporaryFolder folder;
  const std::string path = folder / "";
  EXPECT_TRUE(net->listen_unix(path + std::string(107 - path.size(), 'x')));
  EXPECT_EQ(net->listen_unix(path + std::string(108 - path.size(), 'x')).error().system_error,
            ENAMETOOLONG);
  EXPECT_FALSE(net->listen_unix(""));
}

}  // namespace
}  // namespace sys::real
