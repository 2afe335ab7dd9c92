#pragma once

#include <string>
#include <string_view>

namespace cli {

/// Tells the service manager how we are (sd_notify): "READY=1", "STOPPING=1". `socket`: what
/// NOTIFY_SOCKET says, a path or, with `@` first, an abstract name; empty: nobody wants to know.
void notify_manager(const std::string& socket, std::string_view state);

}  // namespace cli
