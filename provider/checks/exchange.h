// Requests to URLs, of whose answers only the beginning is of interest.
#ifndef DELIVERY_CHECKS_EXCHANGE_H_
#define DELIVERY_CHECKS_EXCHANGE_H_

#include <cstddef>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "provider/checks/url.h"
#include "provider/http/transport.h"

namespace delivery::checks {

struct Answer {
  int status = 0;
  std::string location;  // the header of that name
  std::string body;      // its beginning
  bool longer = false;   // there is more of the body than this
};

// The answer with at most `most_bytes` of its body, as soon as these are there. Adds the
// authorization of `url` to the request, whose URL it sets.
absl::StatusOr<Answer> Exchange(http::Transport& transport, const Url& url, http::Request request,
                                size_t most_bytes, const std::stop_token& stop);

// What an answer says, in lines that follow a sentence about it: "\nAnswer: ...". At most 200 bytes
// of the body.
std::string Excerpt(const Answer& answer, const Shown& shown, std::string_view original);
// ", a redirect to ... (not followed)" for a 3xx that names a place.
std::string RedirectNote(const Answer& answer);

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_EXCHANGE_H_
