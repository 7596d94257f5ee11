// Early-return macros for absl::Status and absl::StatusOr, with context added on the way up.
//
//   DELIVERY_RETURN_IF_ERROR(client.Delete(ref)) << "while deleting " << ref;
//   DELIVERY_ASSIGN_OR_RETURN(auto object, client.Get(ref), _ << "while reading " << ref);
//
// The names follow later abseil releases (absl/status/status_macros.h), which Debian 12 does not
// have, so that they can replace these. Context is appended after the original message, payloads
// and code are kept.
#ifndef DELIVERY_BASE_STATUS_MACROS_H_
#define DELIVERY_BASE_STATUS_MACROS_H_

#include <sstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace delivery {

// Collects `<<` context and converts to the annotated status (or to StatusOr<T>).
class StatusBuilder {
 public:
  explicit StatusBuilder(absl::Status status) : status_(std::move(status)) {}

  template <typename T>
  StatusBuilder&& operator<<(const T& part) && {
    context_ << part;
    return std::move(*this);
  }
  template <typename T>
  StatusBuilder& operator<<(const T& part) & {
    context_ << part;
    return *this;
  }

  absl::Status Build() const {
    const std::string context = context_.str();
    if (context.empty() || status_.ok()) return status_;
    absl::Status annotated(status_.code(), absl::StrCat(status_.message(), " (", context, ")"));
    status_.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
      annotated.SetPayload(url, payload);
    });
    return annotated;
  }
  operator absl::Status() const { return Build(); }  // NOLINT: implicit by design
  template <typename T>
  operator absl::StatusOr<T>() const {  // NOLINT: implicit by design
    return Build();
  }

 private:
  absl::Status status_;
  std::ostringstream context_;
};

}  // namespace delivery

#define DELIVERY_RETURN_IF_ERROR(expr)                                 \
  if (::absl::Status delivery_status = (expr); delivery_status.ok()) { \
  } else /* NOLINT */                                                  \
    return ::delivery::StatusBuilder(std::move(delivery_status))

#define DELIVERY_STATUS_CONCAT_INNER(a, b) a##b
#define DELIVERY_STATUS_CONCAT(a, b) DELIVERY_STATUS_CONCAT_INNER(a, b)
#define DELIVERY_ASSIGN_OR_RETURN_2(lhs, rexpr) DELIVERY_ASSIGN_OR_RETURN_3(lhs, rexpr, _)
#define DELIVERY_ASSIGN_OR_RETURN_3(lhs, rexpr, error)                                             \
  DELIVERY_ASSIGN_OR_RETURN_IMPL(DELIVERY_STATUS_CONCAT(delivery_statusor_, __LINE__), lhs, rexpr, \
                                 error)
#define DELIVERY_ASSIGN_OR_RETURN_IMPL(statusor, lhs, rexpr, error)             \
  auto statusor = (rexpr);                                                      \
  if (!statusor.ok()) {                                                         \
    [[maybe_unused]] ::delivery::StatusBuilder _(std::move(statusor).status()); \
    return error;                                                               \
  }                                                                             \
  lhs = *std::move(statusor)
#define DELIVERY_ASSIGN_OR_RETURN_PICK(a, b, c, name, ...) name
// The optional third argument is an expression over `_`, a StatusBuilder, that is returned.
#define DELIVERY_ASSIGN_OR_RETURN(...)                                     \
  DELIVERY_ASSIGN_OR_RETURN_PICK(__VA_ARGS__, DELIVERY_ASSIGN_OR_RETURN_3, \
                                 DELIVERY_ASSIGN_OR_RETURN_2, )            \
  (__VA_ARGS__)

#endif  // DELIVERY_BASE_STATUS_MACROS_H_
