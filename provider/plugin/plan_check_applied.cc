// The check of an apply's result: what was known in the plan must have come true.
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/plugin/plan_check.h"
#include "provider/plugin/plan_check_set.h"

namespace delivery::plugin {
namespace {

using value::Path;
using value::Type;
using value::Value;

class ResultChecker {
 public:
  void Compare(const Value& planned, const Value& actual, const Path& path);
  std::vector<Violation> Take() { return std::move(violations_); }

 private:
  void Add(const Path& path, std::string rule) { violations_.push_back({path, std::move(rule)}); }
  void Content(const Value& planned, const Value& actual, const Path& path);
  void Sequence(const Value& planned, const Value& actual, const Path& path);
  void Mapping(const Value& planned, const Value& actual, const Path& path);
  void Set(const Value& planned, const Value& actual, const Path& path);

  std::vector<Violation> violations_;
};

void ResultChecker::Compare(const Value& planned, const Value& actual, const Path& path) {
  if (planned.is_unknown()) return;  // it may become anything of its type
  if (planned.is_null()) {
    if (!actual.is_null()) Add(path, "was planned to be absent, but now there is a value");
  } else if (actual.is_null()) {
    Add(path, "was planned to have a value, but now there is none");
  } else if (actual.is_unknown()) {
    Add(path, "was known in the plan, but is unknown now");
  } else if (planned.type().kind() != actual.type().kind()) {
    Add(path, "has another type than planned");
  } else {
    Content(planned, actual, path);
  }
}

// Both are known and of one kind.
void ResultChecker::Content(const Value& planned, const Value& actual, const Path& path) {
  switch (planned.type().kind()) {
    case Type::Kind::kList:
    case Type::Kind::kTuple:
      return Sequence(planned, actual, path);
    case Type::Kind::kMap:
    case Type::Kind::kObject:
      return Mapping(planned, actual, path);
    case Type::Kind::kSet:
      return Set(planned, actual, path);
    default:
      if (!(planned == actual)) Add(path, "has another value than planned");
  }
}

void ResultChecker::Sequence(const Value& planned, const Value& actual, const Path& path) {
  const size_t wanted = planned.elements().size();
  const size_t found = actual.elements().size();
  if (wanted != found) {
    Add(path, absl::StrCat("was planned to have ", wanted, " elements, but has ", found));
    return;
  }
  for (size_t i = 0; i < wanted; ++i) {
    Compare(planned.elements()[i], actual.elements()[i], path.At(static_cast<int64_t>(i)));
  }
}

void ResultChecker::Mapping(const Value& planned, const Value& actual, const Path& path) {
  const bool is_object = planned.type().kind() == Type::Kind::kObject;
  for (const auto& [key, entry] : planned.entries()) {
    const Path here = is_object ? path.Attr(key) : path.At(key);
    if (actual.Has(key)) {
      Compare(entry, actual.Get(key), here);
    } else {
      Add(here, "was planned, but is missing");
    }
  }
  for (const auto& [key, entry] : actual.entries()) {
    if (!planned.Has(key)) Add(is_object ? path.Attr(key) : path.At(key), "was not planned");
  }
}

// Elements may become equal when what is unknown in them becomes known, so a set may shrink.
void ResultChecker::Set(const Value& planned, const Value& actual, const Path& path) {
  const auto fits = [&path](const Value& wanted, const Value& found) {
    ResultChecker inner;
    inner.Compare(wanted, found, path);
    return inner.violations_.empty();
  };
  if (actual.elements().size() > planned.elements().size()) {
    Add(path, absl::StrCat("was planned to have ", planned.elements().size(), " elements, but has ",
                           actual.elements().size()));
  } else if (!SetsCorrelate(planned, actual, fits)) {
    Add(path, "has other elements than planned");
  }
}

}  // namespace

std::vector<Violation> CheckApplied(const schema::Schema& schema, const Value& planned,
                                    const Value& new_state) {
  if (!new_state.is_null() && !new_state.type().ConformsTo(schema.block.ImpliedType())) {
    return {{Path(), "the new state does not have the schema's type"}};
  }
  ResultChecker checker;
  checker.Compare(planned, new_state, Path());
  std::vector<Violation> violations = checker.Take();
  if (!new_state.is_null() && !new_state.IsWhollyKnown()) {
    violations.push_back({Path(), "the new state has unknown values"});
  }
  return violations;
}

}  // namespace delivery::plugin
