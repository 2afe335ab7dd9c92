#pragma once

#include "config/config.h"

namespace cli {

/// Adds what load() asks of the files that hold aliases, users and routes.
void add_table_questions(config::LoadQuestions& questions);

}  // namespace cli
