// How the fake registry answers, good and bad.
#ifndef DELIVERY_TESTS_SUPPORT_FAKE_REGISTRY_ANSWERS_H_
#define DELIVERY_TESTS_SUPPORT_FAKE_REGISTRY_ANSWERS_H_

#include <string>
#include <utility>

#include "provider/base/json.h"
#include "provider/http/transport.h"

namespace delivery::testing {

inline http::Response JsonAnswer(int status, const Json& body, http::Headers headers = {}) {
  headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  return {status, std::move(headers), DumpJson(body)};
}

inline http::Response Refusal(int status, const std::string& code, const std::string& message,
                              http::Headers headers = {}) {
  return JsonAnswer(status, {{"errors", {{{"code", code}, {"message", message}}}}},
                    std::move(headers));
}

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_SUPPORT_FAKE_REGISTRY_ANSWERS_H_
