#include "lab/site.h"

#include <boost/json.hpp>
#include <set>

#include "base/assert.h"
#include "lab/mailboxes.h"
#include "server/settings.h"

namespace lab {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

/// For an orderly end; a server needs 30 s at most.
constexpr base::Duration end_time_max = 10min;
/// What is traced is looked at by nobody.
constexpr std::uint64_t trace_octets_max = std::uint64_t{1} << 20;

/// What is simulated in place of the machine that the configuration is for.
std::shared_ptr<const config::Config> adapt(const config::Config& config) {
  auto out = std::make_shared<config::Config>(config);
  out->log = {};
  out->admin.address.reset();
  out->trace.size = trace_octets_max;
  return out;
}

std::vector<std::string> addresses_of(const ServerPlan& plan) {
  std::vector<std::string> out;
  for (const base::IpAddress& address : plan.addresses) out.push_back(address.to_string());
  return out;
}

sim::Stop stop_of(Outage::How how) {
  return how == Outage::How::power_cut ? sim::Stop::power_cut : sim::Stop::kill;
}

/// The value of `NAME=value`; empty: there is none.
std::string variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& one : environment) {
    if (one.starts_with(name) && one.substr(name.size()).starts_with('='))
      return one.substr(name.size() + 1);
  }
  return {};
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

Site::Site(sim::World& world, const Books& books, const ServerPlan& plan)
    : sim_(world),
      books_(books),
      plan_(plan),
      config_(adapt(*plan.config)),
      machine_(world.make_machine(plan.name, addresses_of(plan))),
      loop_(machine_.make_loop("main")),
      commit_loop_(machine_.make_loop("commit")),
      mailbox_loop_(machine_.make_loop("mailbox")) {
  put_files();
  make_local_peers();
  machine_.programs().install("", [](const sim::SimPrograms::Call&) {
    return sim::SimPrograms::Ending{.end = {.output = "simulated\n"}};
  });
}

Site::~Site() { PH_ASSERT(group_.size() == 0); }

void Site::put_files() {
  for (const config::NamedFile& file : config_->files) {
    if (file.path == config_->tls.certificate) {
      machine_.disk().put(file.path, sim::sim_certificate(config_->hostname + "," + plan_.name));
    } else if (file.path == config_->tls.key) {
      machine_.disk().put(file.path, sim::sim_key());
    } else {
      machine_.disk().put(file.path, "simulated\n");
    }
  }
}

void Site::make_local_peers() {
  std::set<std::string> paths;
  const auto take = [&paths](const route::Target& target) {
    if (target.scheme == route::Scheme::lmtp && !target.is_host()) paths.insert(target.argument);
  };
  for (const auto& [domain, target] : config_->local_domains) take(target);
  for (const route::Rule& rule : config_->routes.rules()) take(rule.via);
  for (const std::string& path : paths)
    peers_.emplace_back(sim_, books_, machine_, path, Personality{.lmtp = true});
}

server::World Site::world() {
  return {loop_,
          commit_loop_,
          mailbox_loop_,
          machine_.disk(),
          machine_.disk(),
          machine_.disk(),
          machine_.clock(),
          machine_.random(),
          machine_.net(loop_),
          machine_.programs(),
          machine_.resolver(),
          machine_.tls(),
          machine_.workers()};
}

void Site::boot() {
  for (ForeignHost& peer : peers_) peer.boot();
  start(server::Purpose::serve);
}

void Site::start(server::Purpose purpose) {
  server_ = std::make_unique<server::Server>(
      world(), config_, [this](std::string_view lines) { take_log(lines); }, purpose);
  error_.clear();
  loop_.enter([this] { group_.spawn(live()); });
}

base::Task<> Site::live() {
  const auto started = co_await server_->start();
  up_ = started.has_value();
  if (!started) error_ = started.error();
  co_await server_->run();
  up_ = false;
}

void Site::tear_down(const std::function<void()>& end) {
  loop_.enter(end);
  const sim::Ran ran = sim_.run_while([this] { return group_.size() > 0; }, end_time_max);
  PH_ASSERT(ran == sim::Ran::done);
  server_.reset();
}

void Site::tear_down_peers() {
  for (ForeignHost& peer : peers_) {
    peer.stop();
    const sim::Ran ran = sim_.run_while([&peer] { return !peer.has_ended(); }, end_time_max);
    PH_ASSERT(ran == sim::Ran::done);
    peer.bury();
  }
}

void Site::go_down(Outage::How how) {
  if (server_ == nullptr) return;
  if (how == Outage::How::stop) {
    tear_down([this] { server_->stop(); });
  } else {
    machine_.stop(stop_of(how));
    tear_down([this] { server_->abort(); });
  }
  tear_down_peers();
}

void Site::come_up() {
  if (server_ != nullptr) return;
  if (machine_.is_stopped()) machine_.restart();
  boot();
}

std::optional<std::size_t> Site::queued() const {
  if (!up_) return std::nullopt;
  return server_->spool().statistics().messages;
}

void Site::take_log(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    books_.journal.take_event(plan_.name, sim_.now().time_since_epoch(), lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

void Site::close() {
  go_down(Outage::How::stop);
  if (machine_.is_stopped()) machine_.restart();
  read_mailboxes();
  read_queue();
}

void Site::read_mailboxes() {
  const auto take = [this](const std::string& recipient, const std::string& content) {
    if (token_in(content).empty()) return;
    if (is_report(content)) {
      books_.ledger.reported(content);
    } else {
      books_.ledger.arrived(recipient, content);
    }
    books_.journal.link_content(content);
  };
  const std::string spool = server::spool_directory(config_->data_dir);
  const std::string trace = server::trace_directory(config_->data_dir);
  for (const std::string& path : machine_.disk().tree()) {
    const bool ours = path.starts_with(spool + '/') || path.starts_with(trace + '/');
    // In a Maildir's tmp lies what nobody was told of.
    if (ours || path.ends_with('/') || path.contains("/tmp/")) continue;
    if (const auto octets = machine_.disk().contents(path)) read_mailbox_file(*octets, take);
  }
  for (const sim::SimPrograms::Call& call : machine_.programs().calls()) {
    read_mailbox_file(call.input, [&](const std::string& recipient, const std::string& content) {
      const std::string named = variable(call.environment, "RECIPIENT");
      take(named.empty() ? recipient : named, content);
    });
  }
}

/// By a server that only answers: what is in the queue is what the next one would find.
void Site::read_queue() {
  start(server::Purpose::change_queue);
  const auto starts = [this] { return !up_ && error_.empty(); };
  PH_ASSERT(sim_.run_while(starts, end_time_max) == sim::Ran::done);
  if (up_) {
    base::Group asking;
    loop_.enter([&] { asking.spawn(list_queue()); });
    const auto asks = [&asking] { return asking.size() > 0; };
    PH_ASSERT(sim_.run_while(asks, 24h) == sim::Ran::done);
  }
  tear_down([this] { server_->stop(); });
}

base::Task<std::string> Site::ask(std::string request) {
  struct Take {
    static base::Task<bool> into(std::string& out, std::string_view octets) {
      out += octets;
      co_return true;
    }
  };
  std::string out;
  co_await server_->answer(request,
                           [&out](std::string_view octets) { return Take::into(out, octets); });
  co_return out;
}

base::Task<> Site::list_queue() {
  boost::system::error_code error;
  const json::value list = json::parse(co_await ask(R"({"command":"list"})"), error);
  PH_ASSERT(!error && list.is_array());
  for (const json::value& one : list.as_array()) {
    const json::object& message = one.as_object();
    const std::string id = text_of(message, "id");
    const std::string content = co_await ask(R"({"command":"body","id":")" + id + "\"}");
    const json::value* recipients = message.if_contains("recipients");
    if (recipients == nullptr || !recipients->is_array()) continue;
    for (const json::value& recipient : recipients->as_array()) {
      const std::string to = text_of(recipient.as_object(), "to");
      const std::string state = text_of(recipient.as_object(), "state");
      if (state == "ready" || state == "deferred" || state == "held")
        books_.ledger.queued(to, content);
    }
  }
}

}  // namespace lab
