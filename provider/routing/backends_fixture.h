// What the tests of the builders share: changes made by the patch, as the server would make them.
#ifndef DELIVERY_ROUTING_BACKENDS_FIXTURE_H_
#define DELIVERY_ROUTING_BACKENDS_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "provider/routing/backends.h"
#include "provider/routing/routing_fixture.h"

namespace delivery::routing {

// The object after the part's change, made by the patch as the server would make it.
inline Json Patched(const Json& live, const ObjectEdit& edit) {
  const Json operations = edit.Operations();
  EXPECT_EQ(operations[0], Json({{"op", "test"},
                                 {"path", "/metadata/resourceVersion"},
                                 {"value", live["metadata"]["resourceVersion"]}}));
  for (size_t i = 1; i < operations.size(); ++i) {
    if (operations[i]["op"] != "replace" && operations[i]["op"] != "remove") continue;
    EXPECT_EQ(operations[i - 1]["op"], "test") << operations;
    EXPECT_EQ(operations[i - 1]["path"], operations[i]["path"]);
  }
  const Json patched = live.patch(operations);
  EXPECT_EQ(patched, edit.object());
  return patched;
}

inline Json Written(const RoutePart& part, const Json& live, const Json& recorded,
                    const Split& split) {
  ObjectEdit edit(live);
  const absl::Status status = part.Write(recorded, split, edit);
  EXPECT_TRUE(status.ok()) << status;
  return Patched(live, edit);
}

inline Json Undone(const RoutePart& part, const Json& live, const Json& recorded) {
  ObjectEdit edit(live);
  part.Undo(recorded, edit);
  return Patched(live, edit);
}

inline Json Recorded(const RoutePart& part, const Json& live) {
  const absl::StatusOr<Json> recorded = part.Record(live);
  EXPECT_TRUE(recorded.ok()) << recorded.status();
  return recorded.value_or(Json());
}

// One case of RouteCases whose last object is in the hands of a run.
struct Route {
  explicit Route(const std::string& name)
      : test(RouteCaseOf(name)),
        part(std::move(MakeRouteParts(test.target).back())),
        live(test.objects.back()),
        recorded(Recorded(*part, live)) {}
  const RouteCase test;
  const std::unique_ptr<RoutePart> part;
  const Json live;
  const Json recorded;
};

}  // namespace delivery::routing

#endif  // DELIVERY_ROUTING_BACKENDS_FIXTURE_H_
