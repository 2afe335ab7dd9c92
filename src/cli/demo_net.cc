#include "cli/demo_net.h"

#include <functional>

namespace cli {
namespace {

using Connected = CountingNet::Connected;

class CountingConnection final : public sys::Connection {
 public:
  CountingConnection(Connected inner, DemoTraffic& traffic)
      : inner_(std::move(inner)),
        link_(traffic.between(inner_->local().address, inner_->remote().address)) {}

  [[nodiscard]] sys::Now<std::string_view> read(sys::Completion<std::string_view>& done) override {
    return inner_->read(done);
  }
  [[nodiscard]] sys::Now<> write(std::span<const std::string_view> pieces,
                                 sys::Completion<>& done) override {
    for (const std::string_view piece : pieces) link_.octets += piece.size();
    return inner_->write(pieces, done);
  }
  void shutdown() noexcept override { inner_->shutdown(); }
  [[nodiscard]] base::Endpoint local() const override { return inner_->local(); }
  [[nodiscard]] base::Endpoint remote() const override { return inner_->remote(); }
  [[nodiscard]] std::optional<std::uint32_t> peer_uid() const override {
    return inner_->peer_uid();
  }

 private:
  Connected inner_;
  DemoTraffic::Link& link_;
};

/// Stands between an operation that gives a connection and who waits for it.
class Between final : public sys::Completion<Connected> {
 public:
  using Wrap = std::function<Connected(Connected)>;

  Between(sys::Completion<Connected>& outer, Wrap wrap) : outer_(outer), wrap_(std::move(wrap)) {
    run = &pass_on;
  }

  /// `begin` starts the inner operation.
  static sys::Now<Connected> perform(
      sys::Completion<Connected>& outer, Wrap wrap,
      const std::function<sys::Now<Connected>(sys::Completion<Connected>&)>& begin) {
    auto between = std::make_unique<Between>(outer, std::move(wrap));
    auto at_once = begin(*between);
    if (at_once) {
      if (*at_once) **at_once = between->wrap_(std::move(**at_once));
      return at_once;
    }
    outer.set_cancel(between.get(), [](void* owner, base::Operation& /*outer*/) noexcept {
      static_cast<Between*>(owner)->cancel();
    });
    (void)between.release();  // Until it completes.
    return std::nullopt;
  }

 private:
  static void pass_on(base::Posted& posted) noexcept {
    const std::unique_ptr<Between> self(static_cast<Between*>(&posted));
    base::Io<Connected> result = std::move(*self->result_);
    if (result) *result = self->wrap_(std::move(*result));
    self->outer_.complete(std::move(result));
  }

  sys::Completion<Connected>& outer_;
  Wrap wrap_;
};

class CountingListener final : public sys::Listener {
 public:
  CountingListener(std::unique_ptr<sys::Listener> inner, DemoTraffic& traffic)
      : inner_(std::move(inner)), traffic_(traffic) {}

  [[nodiscard]] sys::Now<Connected> accept(sys::Completion<Connected>& done) override {
    return Between::perform(
        done,
        [&traffic = traffic_](Connected inner) -> Connected {
          return std::make_unique<CountingConnection>(std::move(inner), traffic);
        },
        [this](sys::Completion<Connected>& inner) { return inner_->accept(inner); });
  }
  [[nodiscard]] base::Endpoint local() const override { return inner_->local(); }

 private:
  std::unique_ptr<sys::Listener> inner_;
  DemoTraffic& traffic_;
};

}  // namespace

base::Io<std::unique_ptr<sys::Listener>> CountingNet::listen(const base::Endpoint& at) {
  auto inner = inner_.listen(at);
  if (!inner) return inner;
  return std::make_unique<CountingListener>(std::move(*inner), traffic_);
}

sys::Now<Connected> CountingNet::connect(const base::Endpoint& remote,
                                         const std::optional<base::IpAddress>& source,
                                         sys::Completion<Connected>& done) {
  return Between::perform(
      done,
      [&traffic = traffic_](Connected inner) -> Connected {
        auto out = std::make_unique<CountingConnection>(std::move(inner), traffic);
        ++traffic.between(out->local().address, out->remote().address).connections;
        return out;
      },
      [&](sys::Completion<Connected>& inner) { return inner_.connect(remote, source, inner); });
}

}  // namespace cli
