#include "server/metrics.h"

#include "admin/metrics.h"
#include "server/server.h"

namespace server {

namespace {

using admin::MetricsPage;

void add_reception(MetricsPage& page, const reception::Reception& reception) {
  const reception::Counters& counters = reception.counters();
  page.counter("posthaste_messages_received_total", "Messages accepted from clients.",
               counters.received);
  page.counter("posthaste_rejected_total", "Commands, recipients and contents refused.",
               counters.rejected);
  page.counter("posthaste_rate_limited_total",
               "Messages and recipients refused because there were too many in a time.",
               counters.rate_limited);
  page.counter("posthaste_etrn_total", "Requests for mail that waits (ETRN) that were obeyed.",
               counters.etrn);
  page.counter("posthaste_sessions_total", "Connections of clients.", counters.sessions_total);
  page.gauge("posthaste_sessions", "Sessions of clients that are open.", reception.sessions());
}

void add_delivery(MetricsPage& page, const delivery::LedgerCounters& counters) {
  page.counter("posthaste_messages_delivered_total", "Recipients that got their message.",
               counters.delivered);
  page.counter("posthaste_messages_bounced_total", "Recipients refused for good.",
               counters.bounced);
  page.counter("posthaste_messages_expired_total", "Recipients given up after queue.expire.",
               counters.expired);
  page.counter("posthaste_messages_dropped_total", "Recipients dropped by an operator.",
               counters.dropped);
  page.counter("posthaste_reports_total", "Delivery status notifications made here.",
               counters.reports);
  page.counter("posthaste_attempts_deferred_total", "Attempts that will be made again.",
               counters.deferred);
  page.counter("posthaste_attempts_unknown_total",
               "Attempts that began and have no known outcome; they are made again.",
               counters.unknown);
}

void add_spool(MetricsPage& page, const spool::SpoolStatistics& spool) {
  page.gauge("posthaste_queue_messages", "Messages in the queue.", spool.messages);
  page.gauge("posthaste_quarantined", "Damaged places found in the queue.", spool.damaged);
  page.gauge("posthaste_spool_segments", "Files of the queue's log.", spool.segments);
  page.gauge("posthaste_spool_disk_octets", "Octets that the queue takes on the disk.",
             spool.disk_octets);
  page.gauge("posthaste_spool_memory_octets", "Octets of contents in memory.", spool.memory_octets);
  page.counter("posthaste_spool_accepted_total",
               "Messages made durable, delivery status notifications included.", spool.accepted);
  page.counter("posthaste_spool_done_total", "Messages that have left the queue.", spool.done);
  page.counter("posthaste_spool_commits_total", "Frames written, each with one sync.",
               spool.frames);
  page.counter("posthaste_spool_octets_total", "Octets written in frames.", spool.frame_octets);
  page.counter("posthaste_spool_failed_commits_total",
               "Frames that could not be made durable: nothing in them was acknowledged.",
               spool.failed_frames);
  page.counter("posthaste_spool_copied_forward_total",
               "Messages copied so that old files could go.", spool.copied_forward);
}

}  // namespace

std::string metrics_text(const Server& server) {
  MetricsPage page;
  add_reception(page, server.reception());
  add_delivery(page, server.delivery().counters());
  add_spool(page, server.spool().statistics());
  const auto started = std::chrono::floor<std::chrono::seconds>(server.started_at());
  page.gauge("posthaste_start_time_seconds", "When the server was started, in Unix time.",
             static_cast<std::uint64_t>(started.time_since_epoch().count()));
  return page.text();
}

admin::HttpResponse answer_http(const Server& server, const admin::HttpRequest& request) {
  if (request.path == "/metrics") {
    return {.content_type = MetricsPage::content_type, .content = metrics_text(server)};
  }
  if (request.path == "/healthz") return {.content = "ok\n"};
  return {.status = 404, .content = "there is nothing at this path\n"};
}

}  // namespace server
