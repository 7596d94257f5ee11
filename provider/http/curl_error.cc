#include "provider/http/curl_error.h"

#include <algorithm>
#include <initializer_list>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "provider/base/redact.h"

namespace delivery::http {
namespace {

// Without case.
bool ContainsAny(const std::string& text, std::initializer_list<const char*> parts) {
  const std::string lower = absl::AsciiStrToLower(text);
  return std::any_of(parts.begin(), parts.end(),
                     [&](const char* part) { return absl::StrContains(lower, part); });
}

// libcurl's own words, or its general text for the code.
std::string Detail(const TransferFailure& failure) {
  if (failure.detail.empty()) return curl_easy_strerror(failure.code);
  absl::string_view detail = absl::StripAsciiWhitespace(failure.detail);
  absl::ConsumePrefix(&detail, "SSL certificate problem: ");
  absl::ConsumePrefix(&detail, "SSL: ");
  return std::string(detail);
}

std::string SystemMessage(long error) {
  std::string message = std::generic_category().message(static_cast<int>(error));
  if (!message.empty()) message[0] = absl::ascii_tolower(message[0]);
  return message;
}

std::string ThroughProxy(const TransferFailure& failure) {
  if (failure.proxy.empty()) return "";
  return absl::StrCat(" through the proxy ", failure.proxy);
}

absl::Status CannotConnect(const TransferFailure& failure) {
  const std::string reason =
      failure.system_error != 0 ? SystemMessage(failure.system_error) : Detail(failure);
  return absl::UnavailableError(
      absl::StrCat("cannot connect to ", failure.peer, ThroughProxy(failure), ": ", reason));
}

// The only time-out that libcurl watches is that of the connect; see CurlExchange.
absl::Status ConnectTimedOut(const TransferFailure& failure) {
  return absl::UnavailableError(
      absl::StrCat("cannot connect to ", failure.peer, ThroughProxy(failure), ": no answer within ",
                   absl::FormatDuration(absl::Trunc(failure.elapsed, absl::Seconds(1)))));
}

absl::Status NotTrusted(const TransferFailure& failure) {
  const std::string detail = Detail(failure);
  const std::string start = absl::StrCat("certificate of ", failure.peer, " is not trusted: ");
  if (ContainsAny(detail, {"subject name", "does not match", "ip address mismatch"})) {
    return absl::UnauthenticatedError(
        absl::StrCat(start, detail, ". It is not issued for \"", failure.server_name,
                     "\": use an address that is in the certificate, or set tls_server_name to a "
                     "name that is"));
  }
  if (ContainsAny(detail, {"expired", "not yet valid"})) {
    return absl::UnauthenticatedError(absl::StrCat(
        start, detail, ". Renew the server's certificate, and check the clock of this machine"));
  }
  const bool trusts_nothing = failure.trust_store.has_value() &&
                              failure.trust_store->file.empty() &&
                              failure.trust_store->folder.empty();
  if (trusts_nothing) {
    return absl::UnauthenticatedError(absl::StrCat(
        start,
        "this machine has no certificates of authorities. Install its ca-certificates, or "
        "set SSL_CERT_FILE to a PEM file, or give the certificate of the authority"));
  }
  return absl::UnauthenticatedError(
      absl::StrCat(start, detail,
                   ". Give the certificate of the authority that signed it (PEM); if one is "
                   "given, it is not the one that signed this certificate"));
}

absl::Status AuthorityUnreadable(const TransferFailure& failure) {
  if (failure.trust_store.has_value()) {
    return absl::UnauthenticatedError(absl::StrCat(
        "cannot tell whether to trust ", failure.peer, ": ", failure.trust_store->file,
        " (SSL_CERT_FILE, or the system's) cannot be read as PEM text with certificates"));
  }
  return absl::UnauthenticatedError(
      absl::StrCat("the certificate of the authority for ", failure.peer,
                   " cannot be read: it must be PEM text with at least one certificate"));
}

// Alerts by which a server refuses our certificate; with TLS 1.3 they arrive after the handshake.
bool RefusedOurCertificate(const std::string& detail) {
  return ContainsAny(detail, {"alert certificate required", "alert bad certificate",
                              "alert unknown ca", "alert certificate expired",
                              "alert certificate revoked", "alert certificate unknown",
                              "alert access denied", "peer did not return a certificate"});
}

absl::Status ClientCertificateRefused(const TransferFailure& failure) {
  return absl::UnauthenticatedError(absl::StrCat(
      failure.peer, " did not accept the client certificate (or requires one): ", Detail(failure)));
}

absl::Status TlsFailed(const TransferFailure& failure) {
  const std::string detail = Detail(failure);
  if (RefusedOurCertificate(detail)) return ClientCertificateRefused(failure);
  if (ContainsAny(detail, {"wrong version number", "packet length too long", "http request"})) {
    return absl::UnavailableError(absl::StrCat(failure.peer, " does not speak TLS (", detail,
                                               "). Is the address meant to be http://?"));
  }
  return absl::UnavailableError(absl::StrCat("TLS handshake with ", failure.peer,
                                             ThroughProxy(failure), " failed: ", detail));
}

absl::Status Lost(const TransferFailure& failure) {
  const std::string detail = Detail(failure);
  if (RefusedOurCertificate(detail)) return ClientCertificateRefused(failure);
  if (failure.proxy_status >= 300) {
    return absl::UnavailableError(absl::StrCat(
        "the proxy", failure.proxy.empty() ? "" : " ", failure.proxy, " refused to connect to ",
        failure.peer, ": HTTP status ", failure.proxy_status));
  }
  return absl::UnavailableError(
      absl::StrCat("connection to ", failure.peer, ThroughProxy(failure), " was lost: ", detail));
}

absl::Status Describe(const TransferFailure& failure) {
  switch (failure.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return absl::UnavailableError(
          absl::StrCat("cannot connect to ", failure.peer, ": the host name is not known (DNS)"));
    case CURLE_COULDNT_RESOLVE_PROXY:
      return absl::UnavailableError(absl::StrCat("cannot connect to ", failure.peer,
                                                 ThroughProxy(failure), ": ", Detail(failure)));
    case CURLE_COULDNT_CONNECT:
      return CannotConnect(failure);
    case CURLE_OPERATION_TIMEDOUT:
      return ConnectTimedOut(failure);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return NotTrusted(failure);
    case CURLE_SSL_CACERT_BADFILE:
      return AuthorityUnreadable(failure);
    case CURLE_SSL_CERTPROBLEM:
      return absl::UnauthenticatedError(absl::StrCat(
          "the client certificate or key for ", failure.peer,
          " cannot be used: both must be PEM text and belong together (", Detail(failure), ")"));
    case CURLE_SSL_CONNECT_ERROR:
      return TlsFailed(failure);
    case CURLE_PROXY:
      return absl::UnavailableError(absl::StrCat("cannot connect to ", failure.peer,
                                                 ThroughProxy(failure), ": ", Detail(failure)));
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return absl::InvalidArgumentError(
          absl::StrCat("the address of ", failure.peer, " cannot be used: ", Detail(failure)));
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
      return Lost(failure);
    default:
      return absl::InternalError(
          absl::StrCat("request to ", failure.peer, " failed: ", Detail(failure)));
  }
}

}  // namespace

absl::Status DescribeFailure(const TransferFailure& failure) {
  const absl::Status status = Describe(failure);
  return absl::Status(status.code(),
                      Redact(std::string_view(status.message().data(), status.message().size())));
}

}  // namespace delivery::http
