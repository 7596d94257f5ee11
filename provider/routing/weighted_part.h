// What the routers that have weights have in common: rules with references to backends, each with a
// weight, among which a run adds one reference and, for `match`, one rule before.
#ifndef DELIVERY_ROUTING_WEIGHTED_PART_H_
#define DELIVERY_ROUTING_WEIGHTED_PART_H_

#include <optional>
#include <string>
#include <vector>

#include "provider/routing/backends.h"

namespace delivery::routing {

class WeightedPart : public RoutePart {
 public:
  absl::StatusOr<Json> Record(const Json& live) const override;
  absl::Status Write(const Json& recorded, const Split& split, ObjectEdit& edit) const override;
  void Undo(const Json& recorded, ObjectEdit& edit) const override;
  PartState Read(const Json& live) const override;
  std::string Deviation(const Json& live, const Split& expected) const override;

 protected:
  // Where things are and what they are called.
  struct Dialect {
    std::string rules;      // pointer to the list of rules; empty: the object is the only one
    std::string refs;       // of a rule, its references: a pointer inside it
    std::string rule_noun;  // "rule", "http route"
    std::string narrow_by;  // the argument that names rules; empty: there is none
  };
  // `names` are the rules to shift; empty: the one that routes to the Service.
  WeightedPart(std::vector<std::string> api_versions, kubernetes::ObjectRef ref, Dialect dialect,
               const TrafficTarget& target, std::vector<std::string> names);

  const TrafficTarget& target() const { return target_; }
  const std::string& service() const { return service_; }

  virtual bool IsStable(const Json& ref) const = 0;
  virtual bool IsCanary(const Json& ref) const = 0;
  // A copy that refers to the canary, or back; the weight is set by the caller.
  virtual Json CanaryRef(Json stable) const = 0;
  virtual Json StableRef(Json canary) const = 0;
  // What else a run changes in the stable reference, and whether it has.
  virtual void Mark(const std::string&, ObjectEdit&) const {}
  virtual void Unmark(const std::string&, ObjectEdit&) const {}
  virtual bool IsMarked(const Json&) const { return false; }
  // The rule's copy that sends only what `match` says, without references; FailedPrecondition when
  // its own conditions leave no room.
  virtual absl::StatusOr<Json> MatchRule(const Json& rule) const;
  // Whether a rule that sends all to the canary has the conditions of `match`.
  virtual bool HasMatch(const Json&) const { return false; }
  // Limits of the API, on the object with a run's changes.
  virtual absl::Status CheckLimits(const Json&) const { return absl::OkStatus(); }

 private:
  // A rule that routes to the Service, and where in it.
  struct Place {
    size_t rule = 0;
    std::string name;            // as in names_, else empty
    std::vector<size_t> stable;  // indices of references
    std::vector<size_t> canary;
    std::vector<size_t> others;   // with a weight
    std::optional<size_t> match;  // index of the rule that a run put before it
  };

  const Json& Rules(const Json& object, Json& storage) const;
  std::string RulePointer(size_t rule) const;
  std::string RefsPointer(size_t rule) const;
  const Json& Refs(const Json& rule) const;
  bool IsOnlyCanary(const Json& rule) const;
  bool IsMatchRule(const Json& rule) const;
  bool SendsMatch(const Json& rule) const;  // and it has a weight
  // Nobody added a reference to the Service.
  bool FindsOneEach(const Json& object) const;
  // Every rule of the run still has its stable backend.
  bool HasStableRules(const Json& object) const;
  Place Examine(const Json& rules, size_t rule) const;
  // Every rule that the run is about; FailedPrecondition or NotFound when that is not clear.
  absl::StatusOr<std::vector<Place>> FindPlaces(const Json& object) const;
  absl::StatusOr<size_t> FindOnly(const Json& rules) const;
  absl::StatusOr<size_t> FindNamed(const Json& rules, const std::string& name) const;
  absl::Status CheckPlace(const Json& object, const Place& place) const;
  static bool HasCanaryEach(const std::vector<Place>& places);
  absl::Status WritePlace(const Place& place, const Split& split, ObjectEdit& edit) const;
  absl::Status WriteMatch(const Place& place, bool wanted, ObjectEdit& edit) const;
  void UndoRule(const Json& recorded, size_t rule, bool ours, ObjectEdit& edit) const;
  std::string DeviationOf(const Json& object, const Place& place, const Split& expected) const;
  std::string NameRule(const Json& object, size_t rule) const;
  absl::Status Refuse(const std::string& why) const;

  const Dialect dialect_;
  const TrafficTarget target_;
  const std::string service_;
  const std::vector<std::string> names_;
};

// The weight of a reference that may leave it out.
int64_t WeightOf(const Json& ref);

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_WEIGHTED_PART_H_
