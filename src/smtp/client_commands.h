#pragma once

#include <string>
#include <string_view>

#include "smtp/client_types.h"

// The commands of a mail transaction as a client writes them.
namespace smtp {

/// Appends MAIL with the parameters that the peer offers. `smtputf8`: it is needed, and offered.
void write_mail(const Transaction& transaction, const Capabilities& peer, bool smtputf8,
                std::string& out);

/// Appends RCPT. `dsn` may be null.
void write_rcpt(std::string_view forward_path, const RecipientDsn* dsn, const Capabilities& peer,
                bool smtputf8, std::string& out);

}  // namespace smtp
