#include "delivery/local_content.h"

#include <gtest/gtest.h>

namespace delivery {
namespace {

struct PathCase {
  std::string_view name;
  std::string_view in;
  std::string_view want;
};

const PathCase path_cases[] = {
    {"none", "A: 1\r\n\r\nbody", "A: 1\r\n\r\nbody"},
    {"empty", "", ""},
    {"first", "Return-Path: <a@b>\r\nA: 1\r\n\r\nb", "A: 1\r\n\r\nb"},
    {"last", "A: 1\r\nRETURN-path:x\r\n\r\nb", "A: 1\r\n\r\nb"},
    {"folded", "A: 1\r\nReturn-Path:\r\n <a@b>\r\n\t(c)\r\nB: 2\r\n\r\n", "A: 1\r\nB: 2\r\n\r\n"},
    {"several", "Return-Path: 1\r\nA: 1\r\nReturn-Path: 2\r\nReturn-Path: 3\r\nB: 2\r\n",
     "A: 1\r\nB: 2\r\n"},
    {"in the body it stays", "A: 1\r\n\r\nReturn-Path: x\r\n", "A: 1\r\n\r\nReturn-Path: x\r\n"},
    {"a longer name", "Return-Path-2: x\r\nX-Return-Path: y\r\n\r\n",
     "Return-Path-2: x\r\nX-Return-Path: y\r\n\r\n"},
    {"no header section", "Hello,\r\nReturn-Path: x\r\n", "Hello,\r\nReturn-Path: x\r\n"},
    {"nothing else", "Return-Path: x\r\n", ""},
};

TEST(local_content, earlier_return_paths_go) {
  for (const PathCase& row : path_cases) {
    std::string got;
    for (const std::string_view piece : without_return_path(row.in)) got += piece;
    EXPECT_EQ(got, row.want) << row.name;
  }
}

}  // namespace
}  // namespace delivery
