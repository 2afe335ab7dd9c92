#include <gtest/gtest.h>

#include "smtp/content_decoder.h"
#include "smtp/content_encoder.h"

// The two directions of DATA, each with its input cut everywhere.
namespace smtp {
namespace {

using namespace std::string_view_literals;

/// What the decoder makes of octets that come in pieces of `first` and then of `step` octets.
struct Decoded {
  std::string content;
  std::size_t used = 0;
  bool ended = false;
  bool bare = false;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

[[nodiscard]] Decoded decode(std::string_view in, std::size_t first, std::size_t step) {
  ContentDecoder decoder;
  Decoded out;
  std::size_t size = first;
  while (!in.empty() && !out.ended) {
    const std::string_view piece = in.substr(0, size);
    const ContentDecoder::Step got = decoder.decode(piece);
    EXPECT_GT(got.used, 0u);
    out.content += got.span;
    out.used += got.used;
    out.ended = got.ended;
    in.remove_prefix(got.used);
    size = got.used == piece.size() ? step : size - got.used;
  }
  out.bare = decoder.has_bare_cr_or_lf();
  if (out.bare) out.content.clear();  // How much of it came before depends on the pieces.
  return out;
}

void expect_decoded(std::string_view in, const Decoded& want, std::string_view name) {
  EXPECT_EQ(decode(in, in.size(), in.size()).content, want.content) << name;
  for (std::size_t cut = 1; cut <= in.size(); ++cut) {
    EXPECT_EQ(decode(in, cut, in.size()), want) << name << ", cut at " << cut;
  }
  EXPECT_EQ(decode(in, 1, 1), want) << name << ", octet by octet";
}

struct DecodeCase {
  std::string_view name;
  std::string_view in;
  Decoded want;
};

const DecodeCase decode_cases[] = {
    {"nothing", ".\r\n", {"", 3, true}},
    {"what follows is not touched", "a\r\n.\r\nQUIT\r\n", {"a\r\n", 6, true}},
    {"an empty line", "\r\n.\r\n", {"\r\n", 5, true}},
    {"a dot was added", "..\r\n.\r\n", {".\r\n", 7, true}},
    {"three dots", "...\r\n.\r\n", {"..\r\n", 8, true}},
    {"a dot alone is taken away [RFC5321 4.5.2]", ".a\r\n.\r\n", {"a\r\n", 7, true}},
    {"dots within lines stay", "a.\r\nb..c\r\n.\r\n", {"a.\r\nb..c\r\n", 13, true}},
    {"a line with a dot after lines", "a\r\nb\r\n..c\r\n.\r\n", {"a\r\nb\r\n.c\r\n", 14, true}},
    {"no end", "a\r\n", {"a\r\n", 3, false}},
    {"no end behind a dot", "a\r\n.", {"a\r\n", 4, false}},
    {"NUL and 8-bit octets", "\0\xff\x80\r\n.\r\n"sv, {std::string("\0\xff\x80\r\n"sv), 8, true}},
};

TEST(content, decodes) {
  for (const DecodeCase& row : decode_cases) expect_decoded(row.in, row.want, row.name);
}

/// All of these have been taken for the end of content by some server.
constexpr std::string_view smuggling_spellings[] = {
    "\n.\n",        "\n.\r\n",   "\r\n.\n",      "\r.\r",         "\r\n.\r",
    "\r.\r\n",      "\r.\n",     "\n.\r",        "\n\n.\r\n",     "\r\n.\r\r\n",
    "\r\r\n.\n",    "\r\n\n.\n", "\r\n.\n\r\n",  "\n\r\n.\n",     "\r\n\r.\r\n",
    "\r\n.\n.\r\n", "\n.\r\r\n", "\r\n.\r.\r\n", "\r\n.\0\r\n"sv, "\r\n. \r\n"};

TEST(content, ends_at_crlf_dot_crlf_alone) {
  for (const std::string_view spelling : smuggling_spellings) {
    const std::string smuggled = std::string(spelling) + "MAIL FROM:<x@y>\r\n";
    const std::string all = "text" + smuggled + ".\r\nNOOP\r\n";
    const bool is_legal = spelling.ends_with("\0\r\n"sv) || spelling.ends_with(" \r\n");
    const std::string content = is_legal ? "text\r\n" + smuggled.substr(3) : std::string();
    expect_decoded(all, {content, all.size() - 6, true, !is_legal}, spelling);
  }
}

TEST(content, a_bare_cr_or_lf_is_found_wherever_it_stands) {
  for (const std::string_view in :
       {"\n.\r\n"sv, "\rx\r\n.\r\n"sv, "a\nb\r\n.\r\n"sv, "a\rb\r\n.\r\n"sv, ".\n\r\n.\r\n"sv,
        ".\rx\r\n.\r\n"sv, "a\r\r\n.\r\n"sv, "..\n\r\n.\r\n"sv, ".\r\r\n.\r\n"sv}) {
    for (std::size_t step = 1; step <= in.size(); ++step) {
      const Decoded got = decode(in, step, step);
      EXPECT_TRUE(got.bare) << in;
      if (in != "\n.\r\n"sv) EXPECT_TRUE(got.ended) << in;
    }
  }
}

[[nodiscard]] std::string encode(std::string_view content, std::size_t first, std::size_t step,
                                 bool* bare = nullptr) {
  ContentEncoder encoder;
  std::vector<std::string_view> spans;
  for (std::size_t size = first; !content.empty(); size = step) {
    encoder.encode(content.substr(0, size), spans);
    content.remove_prefix(std::min(size, content.size()));
  }
  encoder.encode({}, spans);
  encoder.finish(spans);
  if (bare != nullptr) *bare = encoder.has_bare_cr_or_lf();
  std::string out;
  for (const std::string_view span : spans) out += span;
  return out;
}

struct EncodeCase {
  std::string_view name;
  std::string_view content;
  std::string_view want;
  bool bare = false;
};

const EncodeCase encode_cases[] = {
    {"nothing", "", ".\r\n"},
    {"a line", "a\r\n", "a\r\n.\r\n"},
    {"the last line has no end", "a\r\nb", "a\r\nb\r\n.\r\n"},
    {"a dot", ".", "..\r\n.\r\n"},
    {"dots at line starts", ".a\r\n..\r\n\r\n.", "..a\r\n...\r\n\r\n..\r\n.\r\n"},
    {"dots within lines", "a.b\r\nc.\r\n", "a.b\r\nc.\r\n.\r\n"},
    {"what looks like the end", "a\r\n.\r\nMAIL", "a\r\n..\r\nMAIL\r\n.\r\n"},
    {"bare LF", "a\n.\r\n", "a\n.\r\n.\r\n", true},
    {"bare CR", "a\r.\r\n", "a\r.\r\n.\r\n", true},
    {"CR at the end", "a\r", "a\r\r\n.\r\n", true},
};

TEST(content, encodes_in_pieces_cut_anywhere) {
  for (const EncodeCase& row : encode_cases) {
    for (std::size_t first = 1; first <= row.content.size() + 1; ++first) {
      for (std::size_t step = 1; step <= row.content.size() + 1; ++step) {
        bool bare = false;
        EXPECT_EQ(encode(row.content, first, step, &bare), row.want)
            << row.name << ", " << first << ", " << step;
        EXPECT_EQ(bare, row.bare) << row.name << ", " << first << ", " << step;
      }
    }
  }
}

TEST(content, comes_back_as_it_was) {
  // All contents of up to 6 of these; in them is every order of dots and line ends.
  constexpr std::string_view parts[] = {".", "a", "\r\n"};
  for (unsigned number = 0; number < 3 * 3 * 3 * 3 * 3 * 3; ++number) {
    std::string content;
    for (unsigned rest = number; rest > 0; rest /= 3) content += parts[rest % 3];
    content += "\r\n";
    const std::string wire = encode(content, 1, 2);
    EXPECT_EQ(decode(wire, 3, 2), (Decoded{content, wire.size(), true})) << wire;
  }
}

TEST(content, spans_refer_to_the_pieces) {
  const std::string content = "one\r\n.two\r\nthree\r\n";
  std::vector<std::string_view> spans;
  ContentEncoder encoder;
  encoder.encode(content, spans);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0], "one\r\n.");
  EXPECT_EQ(spans[1], ".two\r\nthree\r\n");
  EXPECT_EQ(spans[1].data(), content.data() + 5);
}

}  // namespace
}  // namespace smtp
