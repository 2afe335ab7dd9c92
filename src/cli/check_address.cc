#include <boost/json.hpp>
#include <iostream>

#include "cli/options.h"
#include "cli/output.h"
#include "grammar/address_check.h"

namespace cli {
namespace {

namespace json = boost::json;

json::object error(std::string_view what) {
  json::object out;
  out["error"] = what;
  return out;
}

/// A line that asks for nothing gets an object with an error alone.
json::object answer(const std::string& line) {
  boost::system::error_code failure;
  const json::value parsed = json::parse(line, failure);
  if (failure) return error("expected a JSON object: " + failure.message());
  const json::object* request = parsed.if_object();
  if (request == nullptr) return error("expected a JSON object");
  const json::value* address = request->if_contains("address");
  if (address == nullptr || !address->is_string()) {
    return error("expected a string as \"address\"");
  }
  const json::value* smtputf8 = request->if_contains("smtputf8");
  if (smtputf8 != nullptr && !smtputf8->is_bool()) {
    return error("expected true or false as \"smtputf8\"");
  }
  const grammar::AddressCheck check = grammar::check_address(
      std::string_view(address->as_string()), smtputf8 != nullptr && smtputf8->as_bool());
  json::object out;
  out["valid"] = check.valid;
  out["route"] = json::array(check.route.begin(), check.route.end());
  out["local"] = check.local;
  out["domain"] = check.domain;
  out["error"] = check.valid ? json::value(nullptr) : json::value(check.error);
  return out;
}

}  // namespace

int run(const CheckAddressOptions&) {
  // Each answer is written as soon as its line is there: somebody may wait for it.
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.ends_with('\r')) line.pop_back();
    if (!print(json::serialize(answer(line)) + '\n')) return exit_failed;
  }
  return exit_done;
}

}  // namespace cli
