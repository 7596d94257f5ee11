#include "provider/routing/object_edit.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "provider/kubernetes/object.h"

namespace delivery::routing {

std::string PointerStep(const std::string& name) {
  return absl::StrReplaceAll(name, {{"~", "~0"}, {"/", "~1"}});
}

std::string ElementAt(const std::string& list, size_t index) {
  return absl::StrCat(list, "/", index);
}

Json ObjectEdit::Operations() const {
  Json operations = Json::array({Json{{"op", "test"},
                                      {"path", "/metadata/resourceVersion"},
                                      {"value", kubernetes::ResourceVersionOf(object_)}}});
  operations.insert(operations.end(), operations_.begin(), operations_.end());
  return operations;
}

void ObjectEdit::Set(const std::string& pointer, const Json& value) {
  const Json::json_pointer place(pointer);
  if (!object_.contains(place)) {
    if (!value.is_null()) Do({{"op", "add"}, {"path", pointer}, {"value", value}});
    return;
  }
  const Json old = object_.at(place);
  if (old == value) return;
  if (value.is_null()) return Remove(pointer);
  operations_.push_back({{"op", "test"}, {"path", pointer}, {"value", old}});
  Do({{"op", "replace"}, {"path", pointer}, {"value", value}});
}

void ObjectEdit::Insert(const std::string& list, size_t index, const Json& value) {
  Do({{"op", "add"}, {"path", ElementAt(list, index)}, {"value", value}});
}

void ObjectEdit::Remove(const std::string& pointer) {
  const Json old = object_.at(Json::json_pointer(pointer));
  operations_.push_back({{"op", "test"}, {"path", pointer}, {"value", old}});
  Do({{"op", "remove"}, {"path", pointer}});
}

void ObjectEdit::Do(Json operation) {
  object_ = object_.patch(Json::array({operation}));
  operations_.push_back(std::move(operation));
}

}  // namespace delivery::routing
