#include "tests/support/fake_kube_api.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/support/fake_kube_engine.h"
#include "tests/support/fake_kube_managers.h"

namespace delivery::testing {
namespace {

bool IsWrite(const RecordedKubeRequest& recorded) {
  const KubeRequest& request = recorded.request;
  return request.method != "GET" && request.Query("dryRun").empty() &&
         request.plural != "selfsubjectaccessreviews" && request.subresource != "proxy";
}

Json WithoutStatus(Json object) {
  object.erase("status");
  return object;
}

struct Found {
  const ResourceType* type = nullptr;
  ObjectKey key;
  const Json* object = nullptr;
};

Found FindIn(const FakeKubeStore& store, const kubernetes::ObjectRef& ref) {
  Found found;
  found.type = store.FindTypeOfKind(ref.api_version, ref.kind);
  if (found.type == nullptr) return found;
  found.key = {found.type->Qualified(), ref.namespace_name, ref.name};
  found.object = store.Find(found.key);
  return found;
}

}  // namespace

FakeKubeApi::FakeKubeApi(Clock& clock) : impl_(std::make_unique<Impl>(*this, clock)) {}
FakeKubeApi::~FakeKubeApi() = default;

void FakeKubeApi::Start(http::Request request, std::stop_token stop,
                        std::shared_ptr<http::ResponseHandler> handler) {
  auto exchange = std::make_shared<KubeExchange>();
  exchange->http = std::move(request);
  exchange->handler = std::move(handler);
  exchange->stop = std::move(stop);
  impl_->Submit(std::move(exchange));
}

void FakeKubeApi::AddType(ResourceType type) {
  std::lock_guard lock(impl_->mutex_);
  impl_->store_.AddType(std::move(type));
}

void FakeKubeApi::AddNamespace(const std::string& name) {
  Put({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}});
}

Json FakeKubeApi::Put(Json object, const std::string& manager) {
  return impl_->WithState([&] {
    FakeKubeStore& store = impl_->store_;
    const ResourceType* type =
        store.FindTypeOfKind(GetString(object, "apiVersion"), GetString(object, "kind"));
    if (type == nullptr) {
      std::fprintf(stderr, "FakeKubeApi does not serve this kind: %s\n", DumpJson(object).c_str());
      std::abort();
    }
    const Json* found = store.Find(store.KeyOf(*type, object));
    const Json live = found == nullptr ? Json::object() : *found;
    object = found == nullptr ? store.PrepareNew(*type, std::move(object))
                              : store.PrepareSuccessor(*type, live, std::move(object));
    TrackUpdate(live, object, {manager, type->ApiVersion(), "", store.Timestamp()});
    return store.Commit(*type, std::move(object));
  });
}

std::optional<Json> FakeKubeApi::Find(const kubernetes::ObjectRef& ref) const {
  std::lock_guard lock(impl_->mutex_);
  const Found found = FindIn(impl_->store_, ref);
  if (found.object == nullptr) return std::nullopt;
  return *found.object;
}

std::vector<Json> FakeKubeApi::All(std::string_view api_version, std::string_view kind,
                                   std::string_view namespace_name) const {
  std::lock_guard lock(impl_->mutex_);
  std::vector<Json> all;
  const ResourceType* type = impl_->store_.FindTypeOfKind(api_version, kind);
  if (type == nullptr) return all;
  for (const Json* object : impl_->store_.List(*type, namespace_name)) all.push_back(*object);
  return all;
}

bool FakeKubeApi::Change(const kubernetes::ObjectRef& ref, const std::function<void(Json&)>& change,
                         const std::string& manager) {
  return impl_->WithState([&] {
    const Found found = FindIn(impl_->store_, ref);
    if (found.object == nullptr) return false;
    const Json live = *found.object;
    Json changed = live;
    change(changed);
    const bool status_only = WithoutStatus(live) == WithoutStatus(changed);
    changed = impl_->store_.PrepareSuccessor(*found.type, live, std::move(changed));
    TrackUpdate(live, changed,
                {manager, found.type->ApiVersion(), status_only ? "status" : "",
                 impl_->store_.Timestamp()});
    impl_->store_.Commit(*found.type, std::move(changed));
    return true;
  });
}

bool FakeKubeApi::SetStatus(const kubernetes::ObjectRef& ref, Json status) {
  return Change(ref, [&](Json& object) { object["status"] = std::move(status); });
}

bool FakeKubeApi::Remove(const kubernetes::ObjectRef& ref, Cascade cascade) {
  return impl_->WithState([&] {
    const Found found = FindIn(impl_->store_, ref);
    if (found.object == nullptr) return false;
    impl_->store_.Delete(*found.type, found.key, cascade);
    return true;
  });
}

void FakeKubeApi::SetPodLog(const std::string& namespace_name, const std::string& pod,
                            const std::string& container, std::string text, bool previous) {
  std::lock_guard lock(impl_->mutex_);
  impl_->handler_.SetPodLog(namespace_name, pod, container, previous, std::move(text));
}

void FakeKubeApi::SetProxy(FakeKubeHandler::Proxy proxy) {
  std::lock_guard lock(impl_->mutex_);
  impl_->handler_.SetProxy(std::move(proxy));
}

void FakeKubeApi::Deny(DeniedAccess access) {
  std::lock_guard lock(impl_->mutex_);
  impl_->handler_.Deny(std::move(access));
}

void FakeKubeApi::AllowAll() {
  std::lock_guard lock(impl_->mutex_);
  impl_->handler_.AllowAll();
}

void FakeKubeApi::SetController(std::function<void(FakeKubeApi&)> controller) {
  std::lock_guard lock(impl_->mutex_);
  impl_->controller_ = std::move(controller);
}

void FakeKubeApi::RunController() {
  std::lock_guard lock(impl_->mutex_);
  impl_->RunController();
}

void FakeKubeApi::AddFault(KubeFault fault) {
  std::lock_guard lock(impl_->mutex_);
  impl_->faults_.push_back(std::move(fault));
}

void FakeKubeApi::ClearFaults() {
  std::lock_guard lock(impl_->mutex_);
  impl_->faults_.clear();
}

void FakeKubeApi::SendBookmarks() { impl_->SendBookmarks(); }

void FakeKubeApi::CutWatches() { impl_->CutWatches(); }

void FakeKubeApi::EndWatches() { impl_->EndWatches(absl::OkStatus()); }

void FakeKubeApi::ExpireHistory() {
  std::lock_guard lock(impl_->mutex_);
  impl_->store_.Compact();
}

int FakeKubeApi::open_watches() const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->open_watches_;
}

std::vector<RecordedKubeRequest> FakeKubeApi::requests() const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->records_;
}

std::vector<RecordedKubeRequest> FakeKubeApi::writes() const {
  std::vector<RecordedKubeRequest> writes = requests();
  std::erase_if(writes, [](const RecordedKubeRequest& record) { return !IsWrite(record); });
  return writes;
}

void FakeKubeApi::ForgetRequests() {
  std::lock_guard lock(impl_->mutex_);
  impl_->forgotten_ += impl_->records_.size();
  impl_->records_.clear();
}

}  // namespace delivery::testing
