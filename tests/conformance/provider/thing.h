// Resources of the conformance tests' provider. But for the last they manage nothing: what they are
// given is what they report, so that every difference that hosts find is ours or the plugin
// layer's.
#ifndef DELIVERY_TESTS_CONFORMANCE_PROVIDER_THING_H_
#define DELIVERY_TESTS_CONFORMANCE_PROVIDER_THING_H_

#include <memory>

#include "provider/plugin/resource.h"

namespace delivery::conformance {

// conformance_thing: an argument of every kind, and arguments that make it behave badly.
std::unique_ptr<plugin::Resource> MakeThing();

// conformance_moved: what a conformance_thing can be moved to.
std::unique_ptr<plugin::Resource> MakeMoved();

// conformance_object: a file, which others can change and remove, and failures of every kind.
std::unique_ptr<plugin::Resource> MakeObject();

}  // namespace delivery::conformance

#endif  // DELIVERY_TESTS_CONFORMANCE_PROVIDER_THING_H_
