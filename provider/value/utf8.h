// UTF-8 as the hosts accept it: no overlong forms, no surrogates, nothing above U+10FFFF.
#ifndef DELIVERY_VALUE_UTF8_H_
#define DELIVERY_VALUE_UTF8_H_

#include <string_view>

namespace delivery::value {

bool IsValidUtf8(std::string_view text);

}  // namespace delivery::value

#endif  // DELIVERY_VALUE_UTF8_H_
