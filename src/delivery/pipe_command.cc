#include "delivery/pipe_command.h"

#include <array>
#include <utility>

namespace delivery {
namespace {

std::string filled_in(std::string_view pattern, const PipeValues& values) {
  const std::array<std::pair<std::string_view, std::string_view>, 4> known{
      {{"{local}", values.local},
       {"{domain}", values.domain},
       {"{sender}", values.sender},
       {"{recipient}", values.recipient}}};
  std::string out;
  while (!pattern.empty()) {
    std::string_view value = pattern.substr(0, 1);
    std::size_t taken = 1;
    for (const auto& [placeholder, instead] : known) {
      if (!pattern.starts_with(placeholder)) continue;
      value = instead;
      taken = placeholder.size();
    }
    out += value;
    pattern.remove_prefix(taken);
  }
  return out;
}

}  // namespace

std::vector<std::string> pipe_arguments(std::string_view pattern, const PipeValues& values) {
  std::vector<std::string> out;
  while (!pattern.empty()) {
    const std::string_view word = pattern.substr(0, pattern.find(' '));
    if (!word.empty()) out.push_back(filled_in(word, values));
    pattern.remove_prefix(std::min(word.size() + 1, pattern.size()));
  }
  return out;
}

std::vector<std::string> pipe_environment(const PipeValues& values) {
  const std::array<std::pair<std::string_view, std::string_view>, 6> all{
      {{"SENDER", values.sender},
       {"RECIPIENT", values.recipient},
       {"LOCAL", values.local},
       {"DOMAIN", values.domain},
       {"EXTENSION", values.extension},
       {"MESSAGE_ID", values.id}}};
  std::vector<std::string> out;
  for (const auto& [name, value] : all) {
    out.push_back(std::string(name).append("=").append(value));
  }
  return out;
}

}  // namespace delivery
