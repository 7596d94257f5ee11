// What the user is told: errors and warnings with a summary, a detail and the place they are about.
#ifndef DELIVERY_VALUE_DIAGNOSTICS_H_
#define DELIVERY_VALUE_DIAGNOSTICS_H_

#include <string>
#include <utility>
#include <vector>

#include "provider/value/path.h"

namespace delivery {

struct Diagnostic {
  enum class Severity { kError, kWarning };
  Severity severity = Severity::kError;
  std::string summary;  // a title without a full stop
  std::string detail;   // what was wrong and what to do; may be several lines
  value::Path path;     // empty: about the whole object
};

// Collects diagnostics in the order of their making. Not thread-safe.
class Diagnostics {
 public:
  void Error(value::Path path, std::string summary, std::string detail) {
    list_.push_back(
        {Diagnostic::Severity::kError, std::move(summary), std::move(detail), std::move(path)});
  }
  void Warning(value::Path path, std::string summary, std::string detail) {
    list_.push_back(
        {Diagnostic::Severity::kWarning, std::move(summary), std::move(detail), std::move(path)});
  }
  void Append(const Diagnostics& other) {
    list_.insert(list_.end(), other.list_.begin(), other.list_.end());
  }
  bool HasErrors() const {
    for (const Diagnostic& diagnostic : list_) {
      if (diagnostic.severity == Diagnostic::Severity::kError) return true;
    }
    return false;
  }
  bool empty() const { return list_.empty(); }
  const std::vector<Diagnostic>& list() const { return list_; }

 private:
  std::vector<Diagnostic> list_;
};

}  // namespace delivery

#endif  // DELIVERY_VALUE_DIAGNOSTICS_H_
