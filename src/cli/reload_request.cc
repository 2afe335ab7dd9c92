#include "cli/reload_request.h"

#include <boost/json.hpp>

#include "admin/control.h"
#include "cli/one_shot.h"
#include "sys/linux/net.h"

namespace cli {
namespace {

namespace json = boost::json;
using base::IoErrorCode;

/// In octets. An answer is one line.
constexpr std::size_t answer_octets_max = 64 * 1024;

base::Task<> ask(sys::Net& net, engine::Timers& timers, std::string path, std::string& answer,
                 base::Io<>& result) {
  result = co_await admin::ask_server(net, timers, std::move(path), "{\"command\":\"reload\"}",
                                      [&](std::string_view octets) {
                                        if (answer.size() < answer_octets_max) answer += octets;
                                      });
}

}  // namespace

std::string request_reload(const std::string& data_dir) {
  const std::string path = admin::control_path(data_dir);
  sys::real::RealLoop loop;
  const auto net = sys::real::make_net(loop);
  engine::Timers timers(loop);
  std::string answer;
  base::Io<> result;
  run_once(loop, timers, ask(*net, timers, path, answer, result));
  if (!result) {
    const IoErrorCode code = result.error().code;
    const bool none_runs = code == IoErrorCode::not_found || code == IoErrorCode::refused;
    return none_runs ? std::string() : path + ": " + base::describe(result.error());
  }
  boost::system::error_code failure;
  const json::value parsed = json::parse(answer, failure);
  const json::object* object = failure ? nullptr : parsed.if_object();
  if (object == nullptr) return path + ": no answer";
  const json::value* error = object->if_contains("error");
  if (error == nullptr) return {};
  return error->is_string() ? std::string(std::string_view(error->as_string()))
                            : json::serialize(*error);
}

}  // namespace cli
