#pragma once

#include "lab/journal.h"
#include "lab/ledger.h"

namespace lab {

/// Where everybody who stands outside of the servers writes down what they see. Must outlive them.
struct Books {
  Ledger& ledger;
  Journal& journal;
};

}  // namespace lab
