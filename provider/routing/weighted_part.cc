#include "provider/routing/weighted_part.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/routing/ownership.h"

namespace delivery::routing {
namespace {

constexpr char kWeight[] = "weight";

std::string WeightAt(const std::string& ref) { return absl::StrCat(ref, "/", kWeight); }

bool IsNone(const Split& split) { return split == Split{}; }

}  // namespace

int64_t WeightOf(const Json& ref) { return GetInt(ref, kWeight, 1); }

WeightedPart::WeightedPart(std::vector<std::string> api_versions, kubernetes::ObjectRef ref,
                           Dialect dialect, const TrafficTarget& target,
                           std::vector<std::string> names)
    : RoutePart(std::move(api_versions), std::move(ref)),
      dialect_(std::move(dialect)),
      target_(target),
      service_(ServiceOf(target.backend)),
      names_(std::move(names)) {}

absl::StatusOr<Json> WeightedPart::MatchRule(const Json&) const {
  return Refuse("it cannot match requests; remove match");
}

absl::Status WeightedPart::Refuse(const std::string& why) const {
  return absl::FailedPreconditionError(
      absl::StrCat("Traffic cannot be shifted: ", ref().ToString(), ": ", why, "."));
}

// ---- Where things are

const Json& WeightedPart::Rules(const Json& object, Json& storage) const {
  if (dialect_.rules.empty()) {
    storage = Json::array({object});
    return storage;
  }
  const Json::json_pointer place(dialect_.rules);
  if (object.contains(place) && object.at(place).is_array()) return object.at(place);
  storage = Json::array();
  return storage;
}

std::string WeightedPart::RulePointer(size_t rule) const {
  return dialect_.rules.empty() ? "" : ElementAt(dialect_.rules, rule);
}

std::string WeightedPart::RefsPointer(size_t rule) const {
  return absl::StrCat(RulePointer(rule), dialect_.refs);
}

const Json& WeightedPart::Refs(const Json& rule) const {
  static const auto* const none = new Json(Json::array());
  const Json::json_pointer place(dialect_.refs);
  return rule.contains(place) && rule.at(place).is_array() ? rule.at(place) : *none;
}

bool WeightedPart::IsOnlyCanary(const Json& rule) const {
  const Json& refs = Refs(rule);
  return refs.size() == 1 && IsCanary(refs[0]);
}

bool WeightedPart::IsMatchRule(const Json& rule) const {
  return IsOnlyCanary(rule) && HasMatch(rule);
}

bool WeightedPart::SendsMatch(const Json& rule) const {
  return IsMatchRule(rule) && WeightOf(Refs(rule)[0]) != 0;
}

WeightedPart::Place WeightedPart::Examine(const Json& rules, size_t rule) const {
  Place place;
  place.rule = rule;
  if (!names_.empty()) place.name = GetString(rules[rule], "name");
  const Json& refs = Refs(rules[rule]);
  for (size_t i = 0; i < refs.size(); ++i) {
    if (IsStable(refs[i])) {
      place.stable.push_back(i);
    } else if (IsCanary(refs[i])) {
      place.canary.push_back(i);
    } else if (WeightOf(refs[i]) != 0) {
      place.others.push_back(i);
    }
  }
  // Somebody may have put a rule between the two.
  for (size_t i = rule; i-- > 0;) {
    if (IsOnlyCanary(rules[i])) {
      place.match = i;
      break;
    }
    const Json& before = Refs(rules[i]);
    if (std::any_of(before.begin(), before.end(), [&](const Json& ref) { return IsStable(ref); })) {
      break;
    }
  }
  return place;
}

absl::StatusOr<size_t> WeightedPart::FindOnly(const Json& rules) const {
  std::vector<size_t> with_stable;
  std::vector<size_t> with_both;
  for (size_t i = 0; i < rules.size(); ++i) {
    const Place place = Examine(rules, i);
    if (place.stable.empty()) continue;
    with_stable.push_back(i);
    if (!place.canary.empty()) with_both.push_back(i);
  }
  if (with_both.size() == 1) return with_both[0];
  const std::string narrow =
      dialect_.narrow_by.empty() ? "" : absl::StrCat("; set ", dialect_.narrow_by);
  if (with_stable.empty()) {
    return Refuse(absl::StrCat("no ", dialect_.rule_noun, " routes to Service ", service_));
  }
  if (with_stable.size() > 1) {
    return Refuse(absl::StrCat("it has ", with_stable.size(), " ", dialect_.rule_noun,
                               "s that route to Service ", service_, narrow));
  }
  return with_stable[0];
}

absl::StatusOr<size_t> WeightedPart::FindNamed(const Json& rules, const std::string& name) const {
  std::optional<size_t> found;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (GetString(rules[i], "name") != name) continue;
    if (found.has_value()) {
      return Refuse(absl::StrCat("two of its ", dialect_.rule_noun, "s have the name ", name));
    }
    found = i;
  }
  if (!found.has_value()) {
    return absl::NotFoundError(absl::StrCat("Traffic cannot be shifted: ", ref().ToString(),
                                            " has no ", dialect_.rule_noun, " with the name ", name,
                                            "; correct ", dialect_.narrow_by, "."));
  }
  return *found;
}

absl::StatusOr<std::vector<WeightedPart::Place>> WeightedPart::FindPlaces(
    const Json& object) const {
  Json storage;
  const Json& rules = Rules(object, storage);
  std::vector<Place> places;
  if (names_.empty()) {
    DELIVERY_ASSIGN_OR_RETURN(const size_t rule, FindOnly(rules));
    places.push_back(Examine(rules, rule));
  }
  for (const std::string& name : names_) {
    DELIVERY_ASSIGN_OR_RETURN(const size_t rule, FindNamed(rules, name));
    places.push_back(Examine(rules, rule));
  }
  for (const Place& place : places) DELIVERY_RETURN_IF_ERROR(CheckPlace(object, place));
  return places;
}

std::string WeightedPart::NameRule(const Json& object, size_t rule) const {
  if (dialect_.rules.empty()) return ref().ToString();
  Json storage;
  const Json& rules = Rules(object, storage);
  const std::string name = rule < rules.size() ? GetString(rules[rule], "name") : "";
  return absl::StrCat(dialect_.rule_noun, " ", rule,
                      name.empty() ? "" : absl::StrCat(" (", name, ")"), " of ", ref().ToString());
}

absl::Status WeightedPart::CheckPlace(const Json& object, const Place& place) const {
  const std::string rule = NameRule(object, place.rule);
  if (place.stable.empty()) {
    return Refuse(absl::StrCat(rule, " does not route to Service ", service_));
  }
  if (place.stable.size() > 1 || !place.others.empty()) {
    return Refuse(absl::StrCat(rule, " splits the traffic among several backends already; leave ",
                               service_, " as its only one"));
  }
  if (place.canary.size() > 1) {
    return Refuse(
        absl::StrCat(rule, " has more than one reference to the ", target_.noun, "; leave none"));
  }
  return absl::OkStatus();
}

// ---- Before a run

absl::StatusOr<Json> WeightedPart::Record(const Json& live) const {
  if (!Read(live).at_rest) {
    return Refuse(absl::StrCat("it refers to the ", target_.noun, " (", target_.canary_service,
                               ") already, of a run that was not ended or by hand; remove that"));
  }
  DELIVERY_ASSIGN_OR_RETURN(const std::vector<Place> places, FindPlaces(live));
  Json storage;
  const Json& rules = Rules(live, storage);
  Json weights = Json::object();
  for (const Place& place : places) {
    const Json& ref_now = Refs(rules[place.rule])[place.stable[0]];
    if (WeightOf(ref_now) == 0) {
      return Refuse(absl::StrCat(NameRule(live, place.rule), " gives Service ", service_,
                                 " the weight 0; let it serve first"));
    }
    weights[place.name] = ref_now.contains(kWeight) ? ref_now[kWeight] : Json();
  }
  const Json recorded = {{"weights", std::move(weights)}};
  // What a run will need must be possible.
  ObjectEdit trial(live);
  DELIVERY_RETURN_IF_ERROR(Write(recorded, {1, !target_.match.empty()}, trial));
  return recorded;
}

// ---- During a run

absl::Status WeightedPart::Write(const Json& recorded, const Split& split, ObjectEdit& edit) const {
  absl::StatusOr<std::vector<Place>> places = FindPlaces(edit.object());
  if (!places.ok() && !IsNone(split)) return places.status();
  if (IsNone(split) && (!places.ok() || !HasCanaryEach(*places))) {
    // Before the first split, or somebody took parts of a run away: what is left goes too.
    Undo(recorded, edit);
    return absl::OkStatus();
  }
  // From the last on, since a rule put before one moves what follows.
  std::sort(places->begin(), places->end(),
            [](const Place& a, const Place& b) { return a.rule > b.rule; });
  for (const Place& place : *places) DELIVERY_RETURN_IF_ERROR(WritePlace(place, split, edit));
  if (!IsNone(split)) return CheckLimits(edit.object());
  // A reference or a rule that somebody copied elsewhere.
  if (!Deviation(edit.object(), split).empty()) Undo(recorded, edit);
  return absl::OkStatus();
}

bool WeightedPart::HasCanaryEach(const std::vector<Place>& places) {
  return std::all_of(places.begin(), places.end(),
                     [](const Place& place) { return !place.canary.empty(); });
}

absl::Status WeightedPart::WritePlace(const Place& place, const Split& split,
                                      ObjectEdit& edit) const {
  const std::string refs = RefsPointer(place.rule);
  const std::string stable = ElementAt(refs, place.stable[0]);
  if (!place.canary.empty()) {
    edit.Set(WeightAt(ElementAt(refs, place.canary[0])), split.weight);
  } else {
    Json added = CanaryRef(edit.object().at(Json::json_pointer(stable)));
    added[kWeight] = split.weight;
    // It follows the stable one, whose place stays the same.
    edit.Insert(refs, place.stable[0] + 1, added);
  }
  edit.Set(WeightAt(stable), 100 - split.weight);
  Mark(stable, edit);
  return WriteMatch(place, split.match, edit);
}

absl::Status WeightedPart::WriteMatch(const Place& place, bool wanted, ObjectEdit& edit) const {
  if (!wanted) {
    if (place.match.has_value()) edit.Remove(RulePointer(*place.match));
    return absl::OkStatus();
  }
  size_t before = place.rule;
  if (place.match.has_value()) {
    const Json& found = edit.object().at(Json::json_pointer(RulePointer(*place.match)));
    if (SendsMatch(found)) return absl::OkStatus();
    edit.Remove(RulePointer(*place.match));  // somebody altered it
    --before;
  }
  const Json rule = edit.object().at(Json::json_pointer(RulePointer(before)));
  DELIVERY_ASSIGN_OR_RETURN(Json added, MatchRule(rule));
  Json only = CanaryRef(Refs(rule)[place.stable[0]]);
  only[kWeight] = 1;
  added[Json::json_pointer(dialect_.refs)] = Json::array({std::move(only)});
  edit.Insert(dialect_.rules, before, added);
  return absl::OkStatus();
}

// ---- After a run

void WeightedPart::Undo(const Json& recorded, ObjectEdit& edit) const {
  const bool ours = IsWrittenByUs(edit.object(), Field()) && FindsOneEach(edit.object());
  // Where the rule itself lost its stable backend it looks like the one for `match`.
  const bool complete = HasStableRules(edit.object());
  Json storage;
  const size_t count = Rules(edit.object(), storage).size();
  for (size_t rule = count; rule-- > 0;) {
    const Json& now = Rules(edit.object(), storage)[rule];
    if (IsMatchRule(now) || (complete && IsOnlyCanary(now))) {
      edit.Remove(RulePointer(rule));
    } else {
      UndoRule(recorded, rule, ours, edit);
    }
  }
}

bool WeightedPart::FindsOneEach(const Json& object) const {
  Json storage;
  const Json& rules = Rules(object, storage);
  if (!names_.empty()) return FindPlaces(object).ok();
  size_t found = 0;
  for (size_t i = 0; i < rules.size(); ++i) found += Examine(rules, i).stable.size();
  return found == 1;
}

bool WeightedPart::HasStableRules(const Json& object) const {
  Json storage;
  const Json& rules = Rules(object, storage);
  const auto serves = [&](const std::string& name) {
    for (size_t i = 0; i < rules.size(); ++i) {
      const Place place = Examine(rules, i);
      if (place.name == name && !place.stable.empty()) return true;
    }
    return false;
  };
  if (names_.empty()) return serves("");
  return std::all_of(names_.begin(), names_.end(), serves);
}

void WeightedPart::UndoRule(const Json& recorded, size_t rule, bool ours, ObjectEdit& edit) const {
  Json storage;
  const Json now = Rules(edit.object(), storage)[rule];
  const Place place = Examine(Json::array({now}), 0);
  const std::string refs = RefsPointer(rule);
  const Json& weights = GetObject(recorded, "weights");
  const bool known = weights.contains(place.name);
  const Json weight = known ? weights[place.name] : Json();
  for (const size_t index : place.stable) {
    const Json& ref_now = Refs(now)[index];
    const std::string pointer = ElementAt(refs, index);
    const bool written = known && (ours || !place.canary.empty() || IsMarked(ref_now));
    if (written || WeightOf(ref_now) == 0) edit.Set(WeightAt(pointer), weight);
    Unmark(pointer, edit);
  }
  // A rule without any backend would refuse every request.
  if (place.stable.empty() && place.others.empty() && !place.canary.empty()) {
    Json stable = StableRef(Refs(now)[place.canary[0]]);
    stable.erase(kWeight);
    if (!weight.is_null()) stable[kWeight] = weight;
    edit.Insert(refs, Refs(now).size(), stable);
  }
  for (auto index = place.canary.rbegin(); index != place.canary.rend(); ++index) {
    edit.Remove(ElementAt(refs, *index));
  }
}

// ---- What it says

PartState WeightedPart::Read(const Json& live) const {
  PartState state;
  Json storage;
  const Json& rules = Rules(live, storage);
  for (size_t i = 0; i < rules.size(); ++i) {
    const Json& refs = Refs(rules[i]);
    int64_t canary = 0;
    int64_t all = 0;
    for (const Json& one : refs) {
      all += WeightOf(one);
      if (IsCanary(one)) canary += WeightOf(one);
      if (IsCanary(one) || IsMarked(one)) state.at_rest = false;
    }
    if (IsMatchRule(rules[i])) {
      state.split.match = state.split.match || canary > 0;
    } else if (all > 0) {
      state.split.weight =
          std::max(state.split.weight, static_cast<int>((100 * canary + all / 2) / all));
    }
  }
  return state;
}

std::string WeightedPart::Deviation(const Json& live, const Split& expected) const {
  const PartState state = Read(live);
  if (IsNone(expected)) {
    if (state.split == expected) return "";
    return absl::StrCat(ref().ToString(), " sends requests to the ", target_.noun);
  }
  const absl::StatusOr<std::vector<Place>> places = FindPlaces(live);
  if (!places.ok()) {
    return absl::StrCat(ref().ToString(), " no longer has one place for the split: ",
                        std::string(places.status().message()));
  }
  for (const Place& place : *places) {
    if (std::string text = DeviationOf(live, place, expected); !text.empty()) return text;
  }
  return "";
}

std::string WeightedPart::DeviationOf(const Json& object, const Place& place,
                                      const Split& expected) const {
  Json storage;
  const Json& rules = Rules(object, storage);
  const Json& refs = Refs(rules[place.rule]);
  const std::string rule = NameRule(object, place.rule);
  if (place.canary.empty()) {
    return absl::StrCat(rule, " no longer refers to the ", target_.noun, " ",
                        target_.canary_service);
  }
  const int64_t stable = WeightOf(refs[place.stable[0]]);
  const int64_t canary = WeightOf(refs[place.canary[0]]);
  if (canary != expected.weight || stable != 100 - expected.weight) {
    return absl::StrCat(rule, " has the weights ", stable, " and ", canary, ", not ",
                        100 - expected.weight, " and ", expected.weight);
  }
  const bool match = place.match.has_value() && SendsMatch(rules[*place.match]);
  if (match == expected.match) return "";
  return absl::StrCat("the rule for match before ", rule,
                      match ? " is there" : " is gone or altered");
}

}  // namespace delivery::routing
