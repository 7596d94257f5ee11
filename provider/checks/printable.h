// Text of others in our messages.
#ifndef DELIVERY_CHECKS_PRINTABLE_H_
#define DELIVERY_CHECKS_PRINTABLE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace delivery::checks {

// `text` on one line of printable UTF-8: white space and control characters become one blank, what
// is not UTF-8 becomes "?", characters that change how others are shown are left out. No longer
// than `most_bytes`, and "..." where something was cut off.
std::string Printable(std::string_view text, size_t most_bytes);

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_PRINTABLE_H_
