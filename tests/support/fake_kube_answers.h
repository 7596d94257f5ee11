// What the fake API server answers, in the real one's words.
#ifndef DELIVERY_TESTS_SUPPORT_FAKE_KUBE_ANSWERS_H_
#define DELIVERY_TESTS_SUPPORT_FAKE_KUBE_ANSWERS_H_

#include <string>

#include "provider/base/json.h"
#include "provider/http/transport.h"
#include "tests/support/fake_kube_store.h"

namespace delivery::testing {

http::Response Answer(int status, const Json& body);
http::Response PlainText(int status, std::string text);

// The API server's Status object of a refusal, with its HTTP status.
http::Response KubeRefusal(int status, const std::string& reason, const std::string& message,
                           const Json& details = Json::object());

// `details` of a Status about one object.
Json DetailsOf(const ResourceType& type, const std::string& name);
// deployments.apps "web"
std::string Quoted(const ResourceType& type, const std::string& name);

http::Response NotFound(const ResourceType& type, const std::string& name);
http::Response NotServed();
http::Response BadRequest(const std::string& message);
http::Response NotAllowed();
http::Response Modified(const ResourceType& type, const std::string& name);
http::Response ImmutableSelector(const ResourceType& type, const std::string& name,
                                 const Json& selector);

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_SUPPORT_FAKE_KUBE_ANSWERS_H_
