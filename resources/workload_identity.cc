#include "resources/workload_identity.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "provider/base/json.h"
#include "provider/base/status_macros.h"
#include "resources/workload_arguments.h"
#include "resources/workload_move.h"

namespace delivery::resources {
namespace {

bool Contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

absl::Status WrongKind(const std::string& what, const std::vector<std::string>& kinds) {
  return absl::InvalidArgumentError(absl::StrCat(
      what, ", which this resource does not release: ", absl::StrJoin(kinds, ", "), " only."));
}

}  // namespace

const schema::IdentitySchema& WorkloadIdentitySchema() {
  static const auto* const schema = [] {
    auto* s = new schema::IdentitySchema;
    s->attributes = {{"kind", value::Type::String(), false, true, "Kind of the workload."},
                     {"namespace", value::Type::String(), true, false, "Its namespace."},
                     {"name", value::Type::String(), true, false, "Its name."}};
    return s;
  }();
  return *schema;
}

value::Value IdentityValue(const kubernetes::ObjectRef& ref) {
  if (ref.kind.empty() || ref.name.empty()) return {};
  return value::Value::Object({{"kind", value::Value::String(ref.kind)},
                               {"namespace", value::Value::String(ref.namespace_name)},
                               {"name", value::Value::String(ref.name)}});
}

std::optional<kubernetes::ObjectRef> ParseImport(const plugin::ImportRequest& request,
                                                 const std::vector<std::string>& kinds) {
  kubernetes::ObjectRef ref{"apps/v1", kinds.front(), "", ""};
  if (request.identity.is_known()) {
    const auto text = [&](const char* key) {
      const value::Value value = request.identity.Get(key);
      return value.is_string() ? value.AsString() : std::string();
    };
    if (!text("kind").empty()) ref.kind = text("kind");
    ref.namespace_name = text("namespace");
    ref.name = text("name");
  } else {
    std::vector<std::string> parts = absl::StrSplit(request.id, '/');
    if (parts.size() == 3) {
      ref.kind = parts[0];
      parts.erase(parts.begin());
    }
    if (parts.size() != 2) return std::nullopt;
    ref.namespace_name = parts[0];
    ref.name = parts[1];
  }
  if (ref.namespace_name.empty() || ref.name.empty()) return std::nullopt;
  if (!Contains(kinds, ref.kind)) return std::nullopt;
  return ref;
}

std::string ImportForm(const std::vector<std::string>& kinds) {
  const std::string form = absl::StrCat("The form is namespace/name for a ", kinds.front());
  if (kinds.size() == 1) return absl::StrCat(form, ".");
  const std::vector<std::string> others(kinds.begin(), kinds.end() - 1);
  return absl::StrCat(form, ", or Kind/namespace/name with the kind ", absl::StrJoin(others, ", "),
                      " or ", kinds.back(), ".");
}

absl::StatusOr<kubernetes::ObjectRef> MovedWorkload(const std::string& source_type,
                                                    const std::string& state_json,
                                                    const std::vector<std::string>& kinds) {
  DELIVERY_ASSIGN_OR_RETURN(const Json state, ParseJson(state_json));
  DELIVERY_ASSIGN_OR_RETURN(kubernetes::ObjectRef ref, WorkloadOfState(source_type, state));
  if (Contains(kinds, ref.kind)) return ref;
  return WrongKind(absl::StrCat("The ", source_type, " manages a ", ref.kind), kinds);
}

bool IsOwnType(const std::string& type_name) {
  return type_name == "delivery_rollout" || type_name == "delivery_canary_release";
}

absl::Status CheckMove(const kubernetes::ObjectRef& ref, const std::string& phase,
                       const std::vector<std::string>& kinds) {
  if (!Contains(kinds, ref.kind)) {
    return WrongKind(absl::StrCat("The state is about a ", ref.kind), kinds);
  }
  if (phase == phase::kHeld || phase == phase::kInterrupted || phase == phase::kProgressing) {
    return absl::FailedPreconditionError(
        absl::StrCat("A release of ", ref.ToString(), " is open (", phase,
                     "), which only the resource that began it can finish. Let it end first, then "
                     "move."));
  }
  return absl::OkStatus();
}

}  // namespace delivery::resources
