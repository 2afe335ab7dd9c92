#pragma once

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smtp/server_test_driver.h"

// Conversations, each replayed whole, octet by octet, and cut at every position.
//
//   C: a line that the client sends, with CRLF     c: the same without CRLF
//   S: a line that the server says                 T: the TLS handshake
//   D: content that was accepted                   X: why the session was closed
//   \r \n \0 \t \\ \d (0x16) \u (0xc3a9) in any of them.
namespace smtp::test {

struct Transcript {
  std::string_view name;
  ServerOptions (*options)();
  std::string_view text;
};

inline constexpr std::string_view greeting = "S: 220 mx.example ESMTP Posthaste\n";

struct Script {
  std::vector<std::string> segments{1};  ///< What the client sends, between TLS handshakes.
  std::string output;
  std::vector<std::string> accepted;
  std::string close_reason;
};

[[nodiscard]] inline std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    switch (text.at(++i)) {
      case 'r': out += '\r'; break;
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case '0': out += '\0'; break;
      case 'd': out += '\x16'; break;
      case 'u': out += "\xc3\xa9"; break;
      default: out += text[i];
    }
  }
  return out;
}

[[nodiscard]] inline Script parse_script(std::string_view text) {
  Script script;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.empty()) continue;
    const std::string rest = unescaped(line.size() > 3 ? line.substr(3) : "");
    switch (line[0]) {
      case 'C': script.segments.back() += rest + "\r\n"; break;
      case 'c': script.segments.back() += rest; break;
      case 'S': script.output += rest + "\r\n"; break;
      case 'T': script.segments.emplace_back(); break;
      case 'D': script.accepted.push_back(rest); break;
      case 'X': script.close_reason = rest; break;
      default: ADD_FAILURE() << "bad line of a transcript: " << line;
    }
  }
  return script;
}

/// Cuts the input of each segment into pieces at multiples of `step`, or once at `cut`.
inline void replay(const Transcript& transcript, const Script& script, std::size_t step,
                   std::size_t cut) {
  const ServerOptions options = transcript.options();
  Driver driver(options);
  for (std::string_view rest : script.segments) {
    if (driver.session.state() == ServerState::starting_tls) driver.session.tls_started();
    std::size_t first = cut;
    while (!rest.empty()) {
      const std::size_t size = std::min(first > 0 ? std::exchange(first, 0) : step, rest.size());
      driver.feed(rest.substr(0, size));
      rest.remove_prefix(size);
    }
  }
  SCOPED_TRACE(std::string(transcript.name) + ", step " + std::to_string(step) + ", cut " +
               std::to_string(cut));
  ASSERT_EQ(driver.output, script.output);
  ASSERT_EQ(driver.accepted, script.accepted);
  const bool closed = driver.session.state() == ServerState::closed;
  ASSERT_EQ(closed ? to_string(driver.session.close_reason()) : "", script.close_reason);
}

inline void expect_same_however_cut(std::span<const Transcript> transcripts) {
  constexpr std::size_t whole = 1u << 20;
  for (const Transcript& transcript : transcripts) {
    const Script script = parse_script(std::string(greeting) + std::string(transcript.text));
    replay(transcript, script, whole, 0);
    if (testing::Test::HasFailure()) continue;
    replay(transcript, script, 1, 0);
    for (const std::string& segment : script.segments) {
      for (std::size_t cut = 1; cut < segment.size(); ++cut) {
        replay(transcript, script, whole, cut);
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

}  // namespace smtp::test
