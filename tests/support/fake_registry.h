// A container registry behind http::Transport, with its token server: what docker-registry does, as
// the contract suite (tests/contracts) holds against the real one, and what other registries do
// besides it (tokens, pages, referrers), by settings.
#ifndef DELIVERY_TESTS_SUPPORT_FAKE_REGISTRY_H_
#define DELIVERY_TESTS_SUPPORT_FAKE_REGISTRY_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "provider/base/json.h"
#include "provider/http/transport.h"

namespace delivery::testing {

struct FakeRegistrySettings {
  std::string host = "registry.example.com";
  // With a user, pulls need these credentials: by Basic, or for a token where `token_realm` is set.
  std::string user = {};
  std::string password = {};
  // Where tokens are to be had, "https://auth.example.com/token"; empty: no tokens. Without a user
  // everybody gets one.
  std::string token_realm = {};
  std::string identity_token = {};  // gets a token, too, by POST
  int64_t token_seconds = 0;        // expires_in; zero: not told
  size_t page_size = 0;             // tags a page has at most; zero: no pages
  bool absolute_links = false;      // to the next page
  bool has_referrers_api = false;   // docker-registry 2.8 has none
  bool tells_digests = true;        // Docker-Content-Digest
  std::string storage = {};         // "https://storage.example.com": blobs are redirected there
};

// Thread-safe. Answers before Start returns.
class FakeRegistry : public http::Transport {
 public:
  explicit FakeRegistry(FakeRegistrySettings settings = {}) : settings_(std::move(settings)) {}

  void Change(const std::function<void(FakeRegistrySettings&)>& change);
  // Asked first for each request to any host; what it does not answer goes on to the registry.
  using Hook = std::function<std::optional<http::Response>(const http::Request&)>;
  void Intercept(Hook hook);

  // These return the digest. A manifest without tag is there by its digest only.
  std::string AddBlob(const std::string& repository, const std::string& content);
  std::string AddManifest(const std::string& repository, const std::string& tag,
                          const Json& content, const std::string& media_type);
  // An image for linux/amd64 whose configuration has these members besides.
  std::string AddImage(const std::string& repository, const std::string& tag,
                       const Json& config = Json::object());
  // The image stays, by its digest.
  void RemoveTag(const std::string& repository, const std::string& tag);
  // The tokens given out so far count no more.
  void ForgetTokens();

  std::vector<http::Request> requests() const;
  // How many requests with this method have a URL that contains `part`.
  size_t Count(const std::string& method, const std::string& part) const;

  void Start(http::Request request, std::stop_token stop,
             std::shared_ptr<http::ResponseHandler> handler) override;

 private:
  struct Stored {
    std::string content;
    std::string media_type;
  };
  struct Repository {
    std::map<std::string, std::string> tags;  // to digests
    std::map<std::string, Stored> manifests;
    std::map<std::string, std::string> blobs;
  };
  struct Call {
    const http::Request& request;
    std::string host;
    std::string path;
    std::map<std::string, std::string> query;
  };

  // All need mutex_.
  http::Response Answer(const http::Request& request);
  http::Response AnswerToken(const Call& call);
  http::Response AnswerApi(const Call& call);
  http::Response AnswerTags(const Call& call, const std::string& name);
  http::Response AnswerManifest(const Call& call, const std::string& name,
                                const std::string& reference);
  http::Response PutManifest(const Call& call, const std::string& name,
                             const std::string& reference);
  http::Response AnswerBlob(const Call& call, const std::string& name, const std::string& digest);
  http::Response AnswerUpload(const Call& call, const std::string& name);
  http::Response AnswerReferrers(const Call& call, const std::string& name,
                                 const std::string& digest);
  std::optional<http::Response> Challenge(const Call& call, const std::string& name);

  mutable std::mutex mutex_;
  FakeRegistrySettings settings_;
  Hook hook_;
  std::map<std::string, Repository> repositories_;
  std::map<std::string, std::string> tokens_;  // to the scope each is for
  size_t next_id_ = 0;
  std::vector<http::Request> requests_;
};

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_SUPPORT_FAKE_REGISTRY_H_
