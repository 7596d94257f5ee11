// What the routers that mirror the requests of a rule have in common: rules with references to
// backends, to which a run adds where copies go.
#ifndef DELIVERY_ROUTING_RULE_MIRROR_PART_H_
#define DELIVERY_ROUTING_RULE_MIRROR_PART_H_

#include <optional>
#include <string>
#include <vector>

#include "provider/routing/backends.h"

namespace delivery::routing {

class RuleMirrorPart : public RoutePart {
 public:
  absl::StatusOr<Json> Record(const Json& live) const override;
  absl::Status Write(const Json& recorded, const Split& split, ObjectEdit& edit) const override;
  void Undo(const Json& recorded, ObjectEdit& edit) const override;
  PartState Read(const Json& live) const override;
  std::string Deviation(const Json& live, const Split& expected) const override;

 protected:
  struct Dialect {
    std::string rules;      // pointer to the list of rules
    std::string refs;       // member of a rule: its references
    std::string rule_noun;  // "rule", "http route"
    std::string narrow_by;  // the argument that names rules
  };
  // `names` are the rules to mirror; empty: the one that routes to the Service.
  RuleMirrorPart(std::vector<std::string> api_versions, kubernetes::ObjectRef ref, Dialect dialect,
                 const TrafficTarget& target, std::vector<std::string> names);

  const TrafficTarget& target() const { return target_; }
  const std::string& service() const { return service_; }

  virtual bool IsStable(const Json& ref) const = 0;
  virtual bool HasWeight(const Json& ref) const = 0;
  // Whether the rule sends copies anywhere.
  virtual bool Mirrors(const Json& rule) const = 0;
  // The percent that it sends to the run's own Service; nullopt: none.
  virtual std::optional<int> MirrorOf(const Json& rule) const = 0;
  // Brings `rule` (a copy of the one in the object) to this percent; 0 removes what a run added.
  // `recorded` is what RecordRule said.
  virtual Json WithMirror(Json rule, int percent, const Json& recorded) const = 0;
  virtual Json RecordRule(const Json&) const { return Json::object(); }
  // What else a run changes in the stable reference, and whether it has.
  virtual Json WithMark(Json rule, bool) const { return rule; }
  virtual bool IsMarked(const Json&) const { return false; }
  virtual bool NeedsMark() const { return false; }

 private:
  absl::StatusOr<std::vector<size_t>> FindRules(const Json& object) const;
  const Json& Rules(const Json& object) const;
  bool RoutesToService(const Json& rule) const;
  std::string NameRule(const Json& object, size_t rule) const;
  void Change(size_t rule, const Json& wanted, ObjectEdit& edit) const;
  const Json& RecordOf(const Json& recorded, const Json& rule) const;
  absl::Status Refuse(const std::string& why) const;

  const Dialect dialect_;
  const TrafficTarget target_;
  const std::string service_;
  const std::vector<std::string> names_;
};

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_RULE_MIRROR_PART_H_
