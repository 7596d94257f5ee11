// Requests to the fake API server, taken apart.
#ifndef DELIVERY_TESTS_SUPPORT_FAKE_KUBE_REQUEST_H_
#define DELIVERY_TESTS_SUPPORT_FAKE_KUBE_REQUEST_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/json.h"
#include "provider/http/transport.h"

namespace delivery::testing {

// A request by what it is about. /apis/<group>/<version>/namespaces/<ns>/<plural>/<name>/<sub>/...
struct KubeRequest {
  std::string method;
  std::string path;                          // decoded, without query
  std::map<std::string, std::string> query;  // decoded
  http::Headers headers;
  std::string body;

  std::string group;
  std::string version;  // empty: not a path of a group
  std::string namespace_name;
  std::string plural;  // empty: discovery of the group
  std::string name;
  std::string subresource;
  std::string rest;  // after the subresource, with its slash and query: what a proxy passes on

  std::string Query(const std::string& key) const;
  bool IsWatch() const { return Query("watch") == "1" || Query("watch") == "true"; }
};

KubeRequest ParseKubeRequest(const http::Request& request);

// Selectors as in ?labelSelector= (=, ==, !=, in, notin, exists) and ?fieldSelector= (=, ==, !=, of
// any field). InvalidArgument when malformed.
class KubeSelectors {
 public:
  static absl::StatusOr<KubeSelectors> Parse(std::string_view labels, std::string_view fields);
  bool Match(const Json& object) const;

 private:
  struct Requirement {
    std::string key;
    bool negated = false;
    bool exists = false;  // the key matters, not its value
    std::vector<std::string> values;
  };
  std::vector<Requirement> labels_;
  std::vector<Requirement> fields_;

  static absl::StatusOr<Requirement> ParseOne(std::string_view text);
  static bool Satisfied(const Requirement& requirement, const std::optional<std::string>& value);
};

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_SUPPORT_FAKE_KUBE_REQUEST_H_
