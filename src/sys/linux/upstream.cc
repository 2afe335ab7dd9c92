#include "sys/linux/upstream.h"

#include <fmt/core.h>
#include <sys/resource.h>
#include <unbound.h>

#include <algorithm>
#include <cstdio>
#include <system_error>
#include <thread>

#include "base/ascii.h"

namespace sys::real {

using base::Io;
using base::IoErrorCode;

namespace {

constexpr int class_in = 1;  // [RFC1035 3.2.4]

/// UDP sockets that one context may have open: each look-up in flight takes one, and others wait.
std::size_t ports_max() {
  constexpr std::size_t most = 256;
  constexpr std::size_t least = 4;
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return least;
  return std::clamp<std::size_t>(descriptors.rlim_cur / 16, least, most);
}

/// libunbound does not notice when it cannot start its thread, and then crashes at the end. So we
/// start one ahead of it, which also leaves its stack to be used again.
bool can_start_a_thread() {
  try {
    std::thread([] {}).join();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

LookUp look_up_result(const dns::Question& question, int error, const ub_result* result) {
  if (error != 0 || result == nullptr || result->bogus != 0 || result->answer_packet == nullptr) {
    return base::io_error(IoErrorCode::dns);
  }
  const std::string_view packet(static_cast<const char*>(result->answer_packet),
                                static_cast<std::size_t>(result->answer_len));
  const auto message = dns::decode(packet);
  if (!message) return base::io_error(IoErrorCode::dns);
  dns::LookupResult answer = dns::answer_of(*message, question);
  if (!answer) return base::io_error(IoErrorCode::dns);
  answer->secure = result->secure != 0;
  return *std::move(answer);
}

}  // namespace

std::string zone_file_text(const dns::Name& name) {
  std::string text;
  for (const char c : name.text()) {
    if (base::is_alnum(c) || c == '-' || c == '_' || c == '.') {
      text += c;
    } else {
      text += fmt::format("\\{:03}", static_cast<unsigned char>(c));
    }
  }
  return text + '.';
}

Upstream::Upstream(LoopCore& core) : context_(ub_ctx_create()), results_(core.io) {}

std::shared_ptr<Upstream> Upstream::make(LoopCore& core, const Options& options) {
  const std::shared_ptr<Upstream> made(new Upstream(core));
  if (made->context_ == nullptr || !made->configure(options)) return nullptr;
  if (!can_start_a_thread()) return nullptr;
  made->wait();
  return made;
}

Upstream::~Upstream() {
  if (results_.is_open()) results_.release();
  if (context_ != nullptr) ub_ctx_delete(context_);
}

bool Upstream::configure(const Options& options) {
  ub_ctx_debugout(context_, nullptr);  // Says nothing on stderr, which is our log.
  const std::pair<const char*, std::string> settings[] = {
      // No validation: there are no trust anchors, and forwarders may strip signatures.
      {"module-config:", "iterator"},
      {"do-not-query-localhost:", "no"},
      {"unblock-lan-zones:", "yes"},
      {"outgoing-range:", std::to_string(ports_max())},
      {"num-queries-per-thread:", std::to_string(options.in_flight_max)},
      {"outgoing-num-tcp:", "16"},
      {"rrset-roundrobin:", "no"},
      {"msg-cache-size:", "1m"},
      {"rrset-cache-size:", "2m"},
      // A server that was down is tried again soon, and not only after 15 minutes.
      {"infra-host-ttl:", "30"},
      {"infra-keep-probing:", "yes"},
  };
  for (const auto& [key, value] : settings) {
    if (ub_ctx_set_option(context_, key, value.c_str()) != 0) return false;
  }
  const std::string server =
      fmt::format("{}@{}", options.server.address.to_string(), options.server.port);
  if (ub_ctx_set_fwd(context_, server.c_str()) != 0) return false;
  if (ub_ctx_async(context_, 1) != 0) return false;
  // Built into libunbound as a zone without names. Removing it ends the configuration.
  if (ub_ctx_zone_remove(context_, "test.") != 0) return false;

  boost::system::error_code error;
  results_.assign(ub_fd(context_), error);
  return !error;
}

void Upstream::wait() {
  results_.async_wait(decltype(results_)::wait_read,
                      [weak = weak_from_this()](const boost::system::error_code& error) {
                        const std::shared_ptr<Upstream> self = weak.lock();
                        if (self == nullptr || error) return;
                        ub_process(self->context_);
                        self->wait();
                      });
}

Io<> Upstream::ask(Asker& asker) {
  const int error = ub_resolve_async(context_, zone_file_text(asker.question.name).c_str(),
                                     static_cast<int>(asker.question.type), class_in, &asker,
                                     &called_back, &asker.ticket);
  if (error != 0) return base::io_error(IoErrorCode::dns);
  return {};
}

void Upstream::forget(const Asker& asker) noexcept { (void)ub_cancel(context_, asker.ticket); }

void Upstream::called_back(void* asker, int error, ub_result* result) {
  auto& self = *static_cast<Asker*>(asker);
  LookUp found = look_up_result(self.question, error, result);
  ub_resolve_free(result);
  self.answered(std::move(found));
}

}  // namespace sys::real
