#pragma once

#include <string>

#include "admin/http_message.h"

namespace server {

class Server;

/// What is served at `admin.address`: `/metrics` and `/healthz`; 404 for everything else.
[[nodiscard]] admin::HttpResponse answer_http(const Server& server,
                                              const admin::HttpRequest& request);

/// Every figure, from the start on, in Prometheus' text format.
[[nodiscard]] std::string metrics_text(const Server& server);

}  // namespace server
