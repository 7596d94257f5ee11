#include "provider/oci/tags.h"

#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "provider/base/status_macros.h"
#include "provider/oci/link.h"

namespace delivery::oci {
namespace {

// Also how many tags a list of one page has at most, for its ETag to say all: more could be added
// behind a full page without changing it.
constexpr size_t kPageSize = 1000;
constexpr size_t kMostTags = 500'000;
constexpr size_t kMostPages = 10'000;

struct Page {
  size_t size = 0;
  std::string last;
};

absl::StatusOr<Page> AddTags(const Reply& reply, std::set<std::string>& tags) {
  const absl::StatusOr<Json> json = ParseJson(reply.response.body);
  const Json* list = json.ok() ? Find(*json, "tags") : nullptr;
  // A repository without tags has null, as Go encodes an empty list.
  if (list == nullptr || !(list->is_array() || list->is_null())) {
    return absl::DataLossError(absl::StrCat(reply.url.host,
                                            " answered with something that is not a list of tags; "
                                            "is it a container registry?"));
  }
  Page page;
  if (list->is_null()) return page;
  page.size = list->size();
  for (const Json& tag : *list) {
    if (!tag.is_string() || !IsTag(tag.get_ref<const std::string&>())) continue;
    page.last = tag.get<std::string>();
    tags.insert(page.last);
  }
  if (tags.size() <= kMostTags) return page;
  return absl::FailedPreconditionError(
      absl::StrCat("the repository has more than ", kMostTags, " tags: remove old ones"));
}

// Nullopt after the last page.
absl::StatusOr<std::optional<Url>> NextPage(const Reply& reply, std::set<std::string>& seen) {
  const std::optional<std::string> link = NextLink(reply.response.headers);
  if (!link.has_value()) return std::nullopt;
  const absl::StatusOr<Url> next = ResolveUrl(reply.url, *link);
  if (!next.ok() || !next->SameOrigin(reply.url)) {
    return absl::DataLossError(
        absl::StrCat(reply.url.host, " names a next page of tags that is not its own",
                     next.ok() ? absl::StrCat(" (", next->Shown(), ")") : ""));
  }
  if (!seen.insert(next->target).second || seen.size() > kMostPages) {
    return absl::DataLossError(
        absl::StrCat(reply.url.host, " names next pages of tags without end"));
  }
  return *next;
}

}  // namespace

absl::StatusOr<TagList> ReadTags(Session& session, const Reference& repository,
                                 const std::string& etag, const Limits& limits) {
  RegistryRequest request;
  request.url = session.UrlOf(repository, absl::StrCat("/tags/list?n=", kPageSize));
  request.accept = "application/json";
  request.if_none_match = etag;
  std::set<std::string> seen = {request.url.target};
  std::set<std::string> tags;
  TagList list;
  for (bool first = true;; first = false) {
    DELIVERY_ASSIGN_OR_RETURN(Reply reply, session.Send(repository, request, limits));
    if (first && reply.response.status == 400) {
      // Some registries refuse pages of this size instead of making them smaller.
      request.url = session.UrlOf(repository, "/tags/list");
      DELIVERY_ASSIGN_OR_RETURN(reply, session.Send(repository, request, limits));
    }
    if (first && !etag.empty() && reply.response.status == 304) {
      list.etag = etag;
      list.not_modified = true;
      return list;
    }
    if (reply.response.status != 200) return session.ErrorOf(repository, reply);
    const size_t known = tags.size();
    DELIVERY_ASSIGN_OR_RETURN(const Page page, AddTags(reply, tags));
    DELIVERY_ASSIGN_OR_RETURN(std::optional<Url> next, NextPage(reply, seen));
    // A full page without a link may be a registry that makes none; one that knows no `last` either
    // answers the same again.
    if (!next.has_value() && page.size == kPageSize && tags.size() > known) {
      next =
          session.UrlOf(repository, absl::StrCat("/tags/list?n=", kPageSize, "&last=", page.last));
    }
    if (first && !next.has_value() && tags.size() < kPageSize) {
      list.etag = http::FindHeader(reply.response.headers, "ETag").value_or("");
    }
    if (!next.has_value()) break;
    request.url = *next;
    request.if_none_match.clear();
  }
  list.tags.assign(tags.begin(), tags.end());
  return list;
}

}  // namespace delivery::oci
