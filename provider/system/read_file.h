// Small files into memory, with errors that name the path.
#ifndef DELIVERY_SYSTEM_READ_FILE_H_
#define DELIVERY_SYSTEM_READ_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace delivery::system {

// NotFound when there is no such file, FailedPrecondition when it cannot be read (a folder,
// no permission), or is larger than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = 16 * 1024 * 1024);

}  // namespace delivery::system

#endif  // DELIVERY_SYSTEM_READ_FILE_H_
