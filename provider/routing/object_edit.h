// A JSON patch under construction: each change is made to a copy of the object at once, and the
// patch tests what it replaces or removes, so that it never overwrites what was not read.
#ifndef DELIVERY_ROUTING_OBJECT_EDIT_H_
#define DELIVERY_ROUTING_OBJECT_EDIT_H_

#include <string>
#include <utility>

#include "provider/base/json.h"

namespace delivery::routing {

// Pointers are JSON pointers ("/spec/rules/0/backendRefs/1/weight"); all but their last step must
// exist.
class ObjectEdit {
 public:
  explicit ObjectEdit(Json live) : object_(std::move(live)) {}

  // The object with the changes so far.
  const Json& object() const { return object_; }
  // Nothing was changed.
  bool empty() const { return operations_.empty(); }
  // The patch: first a test of the resourceVersion that was read.
  Json Operations() const;

  // Makes the member or element at `pointer` equal `value`; nothing when it is so. A null value
  // removes a member.
  void Set(const std::string& pointer, const Json& value);
  // Puts a new element into the list before `index`, which may be its size.
  void Insert(const std::string& list, size_t index, const Json& value);
  void Remove(const std::string& pointer);

 private:
  void Do(Json operation);

  Json object_;
  Json operations_ = Json::array();
};

// A pointer's step: "/" and "~" are escaped.
std::string PointerStep(const std::string& name);

// "/spec/rules", 3 -> "/spec/rules/3".
std::string ElementAt(const std::string& list, size_t index);

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_OBJECT_EDIT_H_
