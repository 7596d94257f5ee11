#include "provider/routing/rule_mirror_part.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"

namespace delivery::routing {

RuleMirrorPart::RuleMirrorPart(std::vector<std::string> api_versions, kubernetes::ObjectRef ref,
                               Dialect dialect, const TrafficTarget& target,
                               std::vector<std::string> names)
    : RoutePart(std::move(api_versions), std::move(ref)),
      dialect_(std::move(dialect)),
      target_(target),
      service_(ServiceOf(target.backend)),
      names_(std::move(names)) {}

absl::Status RuleMirrorPart::Refuse(const std::string& why) const {
  return absl::FailedPreconditionError(
      absl::StrCat("Requests cannot be mirrored: ", ref().ToString(), ": ", why, "."));
}

const Json& RuleMirrorPart::Rules(const Json& object) const {
  static const auto* const none = new Json(Json::array());
  const Json::json_pointer place(dialect_.rules);
  return object.contains(place) && object.at(place).is_array() ? object.at(place) : *none;
}

bool RuleMirrorPart::RoutesToService(const Json& rule) const {
  const Json& refs = GetArray(rule, dialect_.refs);
  return std::any_of(refs.begin(), refs.end(), [this](const Json& one) { return IsStable(one); });
}

std::string RuleMirrorPart::NameRule(const Json& object, size_t rule) const {
  const std::string name = GetString(Rules(object)[rule], "name");
  return absl::StrCat(dialect_.rule_noun, " ", rule,
                      name.empty() ? "" : absl::StrCat(" (", name, ")"), " of ", ref().ToString());
}

absl::StatusOr<std::vector<size_t>> RuleMirrorPart::FindRules(const Json& object) const {
  const Json& rules = Rules(object);
  std::vector<size_t> found;
  if (names_.empty()) {
    for (size_t i = 0; i < rules.size(); ++i) {
      if (RoutesToService(rules[i])) found.push_back(i);
    }
    if (found.size() == 1) return found;
    if (found.empty()) {
      return Refuse(absl::StrCat("no ", dialect_.rule_noun, " routes to Service ", service_));
    }
    return Refuse(absl::StrCat("it has ", found.size(), " ", dialect_.rule_noun,
                               "s that route to Service ", service_, "; set ", dialect_.narrow_by));
  }
  for (const std::string& name : names_) {
    const auto rule = std::find_if(rules.begin(), rules.end(),
                                   [&](const Json& one) { return GetString(one, "name") == name; });
    if (rule == rules.end()) {
      return absl::NotFoundError(absl::StrCat("Requests cannot be mirrored: ", ref().ToString(),
                                              " has no ", dialect_.rule_noun, " with the name ",
                                              name, "; correct ", dialect_.narrow_by, "."));
    }
    const auto index = static_cast<size_t>(rule - rules.begin());
    if (!RoutesToService(*rule)) {
      return Refuse(absl::StrCat(NameRule(object, index), " does not route to Service ", service_));
    }
    found.push_back(index);
  }
  return found;
}

absl::StatusOr<Json> RuleMirrorPart::Record(const Json& live) const {
  DELIVERY_ASSIGN_OR_RETURN(const std::vector<size_t> found, FindRules(live));
  Json recorded = Json::object();
  for (const size_t index : found) {
    const Json& rule = Rules(live)[index];
    if (Mirrors(rule)) {
      return Refuse(absl::StrCat(NameRule(live, index),
                                 " mirrors its requests already; remove that mirror first"));
    }
    const Json& refs = GetArray(rule, dialect_.refs);
    const auto serving =
        std::count_if(refs.begin(), refs.end(), [this](const Json& one) { return HasWeight(one); });
    if (serving > 1 || IsMarked(rule)) {
      return Refuse(absl::StrCat(NameRule(live, index),
                                 " splits the traffic among several backends already, or a run is "
                                 "open on it; leave ",
                                 service_, " as its only one"));
    }
    recorded[names_.empty() ? "" : GetString(rule, "name")] = RecordRule(rule);
  }
  return Json{{"rules", std::move(recorded)}};
}

const Json& RuleMirrorPart::RecordOf(const Json& recorded, const Json& rule) const {
  return GetObject(GetObject(recorded, "rules"), names_.empty() ? "" : GetString(rule, "name"));
}

// Member by member, so that the patch tests and replaces no more than what a run changes.
void RuleMirrorPart::Change(size_t rule, const Json& wanted, ObjectEdit& edit) const {
  const std::string place = ElementAt(dialect_.rules, rule);
  const Json now = Rules(edit.object())[rule];
  for (const auto& [name, value] : wanted.items()) {
    edit.Set(absl::StrCat(place, "/", PointerStep(name)), value);
  }
  for (const auto& [name, value] : now.items()) {
    if (!wanted.contains(name)) edit.Remove(absl::StrCat(place, "/", PointerStep(name)));
  }
}

absl::Status RuleMirrorPart::Write(const Json& recorded, const Split& split,
                                   ObjectEdit& edit) const {
  if (split == Split{}) {
    // Copies to nobody, wherever they are sent from; the marks stay until the end.
    for (size_t i = 0; i < Rules(edit.object()).size(); ++i) {
      const Json rule = Rules(edit.object())[i];
      if (!MirrorOf(rule).has_value()) continue;
      Change(i, WithMirror(rule, 0, RecordOf(recorded, rule)), edit);
    }
    return absl::OkStatus();
  }
  DELIVERY_ASSIGN_OR_RETURN(const std::vector<size_t> found, FindRules(edit.object()));
  for (const size_t index : found) {
    const Json rule = Rules(edit.object())[index];
    if (Mirrors(rule) && !MirrorOf(rule).has_value()) {
      return Refuse(
          absl::StrCat(NameRule(edit.object(), index), " mirrors to somebody else by now"));
    }
    Change(index, WithMark(WithMirror(rule, split.mirror, RecordOf(recorded, rule)), true), edit);
  }
  return absl::OkStatus();
}

void RuleMirrorPart::Undo(const Json& recorded, ObjectEdit& edit) const {
  for (size_t i = 0; i < Rules(edit.object()).size(); ++i) {
    const Json rule = Rules(edit.object())[i];
    const Json clean =
        MirrorOf(rule).has_value() ? WithMirror(rule, 0, RecordOf(recorded, rule)) : rule;
    Change(i, WithMark(clean, false), edit);
  }
}

PartState RuleMirrorPart::Read(const Json& live) const {
  PartState state;
  for (const Json& rule : Rules(live)) {
    const std::optional<int> mirror = MirrorOf(rule);
    state.split.mirror = std::max(state.split.mirror, mirror.value_or(0));
    if (mirror.has_value() || IsMarked(rule)) state.at_rest = false;
  }
  return state;
}

std::string RuleMirrorPart::Deviation(const Json& live, const Split& expected) const {
  if (expected == Split{}) {
    if (Read(live).split == expected) return "";
    return absl::StrCat(ref().ToString(), " sends copies of requests to the ", target_.noun);
  }
  const absl::StatusOr<std::vector<size_t>> found = FindRules(live);
  if (!found.ok()) {
    return absl::StrCat(ref().ToString(), " no longer has one place for the mirror: ",
                        std::string(found.status().message()));
  }
  for (const size_t index : *found) {
    const Json& rule = Rules(live)[index];
    const int mirror = MirrorOf(rule).value_or(0);
    if (mirror != expected.mirror) {
      return absl::StrCat(NameRule(live, index), " mirrors ", mirror, " % of its requests to the ",
                          target_.noun, ", not ", expected.mirror, " %");
    }
    if (NeedsMark() && !IsMarked(rule)) {
      return absl::StrCat(NameRule(live, index), " may send requests to the ", target_.noun);
    }
  }
  return "";
}

}  // namespace delivery::routing
