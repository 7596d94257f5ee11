#include "provider/http/curl_exchange.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "provider/http/curl_error.h"
#include "provider/http/no_proxy.h"

namespace delivery::http {
namespace {

constexpr long kConnectTimeoutMs = 30'000;
constexpr long kKeepAliveIdleSeconds = 30;
constexpr long kKeepAliveIntervalSeconds = 15;
constexpr unsigned kUnacknowledgedMs = 30'000;

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

std::string PartOf(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

// A header line must not smuggle in another one.
bool IsCleanHeader(const std::string& name, const std::string& value) {
  return !name.empty() && name.find_first_of(std::string("\r\n:\0 ", 5)) == std::string::npos &&
         value.find_first_of(std::string("\r\n\0", 3)) == std::string::npos;
}

absl::Duration ToDuration(std::chrono::steady_clock::duration duration) {
  return absl::FromChrono(duration);
}

std::string Megabytes(size_t bytes) {
  constexpr size_t kMegabyte = 1024 * 1024;
  if (bytes % kMegabyte == 0) return absl::StrCat(bytes / kMegabyte, " MiB");
  return absl::StrCat(bytes, " bytes");
}

void SetProxy(ConnectionSettings& settings) {
  const Url url(curl_url());
  const std::string& text = settings.options.proxy_url;
  constexpr unsigned kFlags = CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME;
  const bool parsed = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), kFlags) == CURLUE_OK;
  const std::string scheme =
      absl::StrContains(text, "://") ? PartOf(url.get(), CURLUPART_SCHEME) : "http";
  if (!parsed || (scheme != "http" && scheme != "https" && !absl::StartsWith(scheme, "socks"))) {
    // The URL may hold a password, so it is not repeated here.
    settings.problem = absl::InvalidArgumentError(
        "the proxy URL cannot be used: it must be http://, https:// or socks5:// with host and "
        "port");
    return;
  }
  const std::string port = PartOf(url.get(), CURLUPART_PORT);
  settings.proxy_display =
      absl::StrCat(PartOf(url.get(), CURLUPART_HOST), port.empty() ? "" : ":", port);
  // As in Go's clients the proxy resolves the names: only it may know the cluster's DNS.
  settings.proxy_url =
      scheme == "socks5" ? absl::StrCat("socks5h", text.substr(scheme.size())) : text;
}

}  // namespace

ConnectionSettings MakeConnectionSettings(TransportOptions options) {
  ConnectionSettings settings;
  settings.options = std::move(options);
  if (!settings.options.proxy_url.empty()) SetProxy(settings);
  settings.trust_store = SystemTrustStore();
  if (settings.options.client_certificate_pem.empty() != settings.options.client_key_pem.empty()) {
    settings.problem = absl::InvalidArgumentError(
        "a client certificate and its private key must be given together");
  }
  return settings;
}

CurlExchange::CurlExchange(Request request, std::shared_ptr<ResponseHandler> handler,
                           std::shared_ptr<const ConnectionSettings> settings)
    : request_(std::move(request)),
      handler_(std::move(handler)),
      settings_(std::move(settings)),
      started_(std::chrono::steady_clock::now()),
      last_byte_(started_) {}

CurlExchange::~CurlExchange() {
  if (easy_ != nullptr) curl_easy_cleanup(easy_);
}

absl::Status CurlExchange::Prepare() {
  if (!settings_->problem.ok()) return settings_->problem;
  easy_ = curl_easy_init();
  if (easy_ == nullptr) return absl::ResourceExhaustedError("out of memory for a request");
  SetUrl();
  SetMethodAndBody();
  SetHeaders();
  SetTls();
  SetProxy();
  SetCallbacks();
  return failure_;
}

template <typename Value>
void CurlExchange::Set(CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy_, option, value);
  if (code == CURLE_OK) return;
  Fail(absl::InternalError(absl::StrCat("libcurl does not take option ", static_cast<int>(option),
                                        ": ", curl_easy_strerror(code))));
}

void CurlExchange::Fail(absl::Status status) {
  if (failure_.ok()) failure_ = std::move(status);
}

void CurlExchange::AppendTo(Slist& list, const std::string& line) {
  curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return Fail(absl::ResourceExhaustedError("out of memory for a request"));
  (void)list.release();
  list.reset(longer);
}

void CurlExchange::SetUrl() {
  const Url url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, request_.url.c_str(), 0) != CURLUE_OK) {
    return Fail(absl::InvalidArgumentError(
        "the address of the request is not a URL of the form https://host:port/path"));
  }
  host_ = PartOf(url.get(), CURLUPART_HOST);
  port_ = PartOf(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  peer_ = absl::StrCat(host_, ":", port_);
  server_name_ = host_;
  const std::string& other_name = settings_->options.tls_server_name;
  const bool tls = PartOf(url.get(), CURLUPART_SCHEME) == "https";
  // Rather share the connection that is being made than make another. Without TLS libcurl would
  // learn from the first answer only whether it can be shared, which may be long in coming.
  Set(CURLOPT_PIPEWAIT, tls ? 1L : 0L);
  if (tls && !other_name.empty()) {
    const std::string explicit_port = PartOf(url.get(), CURLUPART_PORT);
    host_header_ = explicit_port.empty() ? host_ : peer_;
    server_name_ = other_name;
    if (curl_url_set(url.get(), CURLUPART_HOST, other_name.c_str(), 0) != CURLUE_OK) {
      return Fail(absl::InvalidArgumentError("tls_server_name is not a host name"));
    }
    SetServerName();
  }
  Set(CURLOPT_URL, PartOf(url.get(), CURLUPART_URL).c_str());
  Set(CURLOPT_PROTOCOLS_STR, "http,https");
}

// libcurl takes the name for SNI and verification from the URL only, so the URL gets that name and
// the connection is directed to the real host.
void CurlExchange::SetServerName() {
  AppendTo(connect_to_, absl::StrCat("::", host_, ":", port_));
  Set(CURLOPT_CONNECT_TO, connect_to_.get());
}

void CurlExchange::SetMethodAndBody() {
  const std::string& method = request_.method;
  const bool takes_body = method == "POST" || method == "PUT" || method == "PATCH";
  if (takes_body || !request_.body.empty()) {
    Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    Set(CURLOPT_POSTFIELDS, request_.body.data());  // not copied; request_ lives as long
  } else if (method == "HEAD") {
    Set(CURLOPT_NOBODY, 1L);
  } else {
    Set(CURLOPT_HTTPGET, 1L);
  }
  Set(CURLOPT_CUSTOMREQUEST, method.c_str());
}

void CurlExchange::SetHeaders() {
  for (const auto& [name, value] : request_.headers) {
    if (!IsCleanHeader(name, value)) {
      return Fail(absl::InvalidArgumentError(
          absl::StrCat("the value of the request header ", absl::CEscape(name),
                       " has characters that are not allowed there")));
    }
    AppendTo(headers_to_send_,
             value.empty() ? absl::StrCat(name, ";") : absl::StrCat(name, ": ", value));
  }
  if (!host_header_.empty() && !FindHeader(request_.headers, "Host").has_value()) {
    AppendTo(headers_to_send_, absl::StrCat("Host: ", host_header_));
  }
  // No "Expect: 100-continue", which costs a round trip, and no made-up content type.
  AppendTo(headers_to_send_, "Expect:");
  if (!FindHeader(request_.headers, "Content-Type").has_value()) {
    AppendTo(headers_to_send_, "Content-Type:");
  }
  Set(CURLOPT_HTTPHEADER, headers_to_send_.get());
  Set(CURLOPT_USERAGENT, settings_->options.user_agent.c_str());
}

void CurlExchange::SetTls() {
  const TransportOptions& options = settings_->options;
  // libcurl does not copy these; settings_ lives as long as the handle.
  const auto set_blob = [this](CURLoption option, const std::string& pem) {
    curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_NOCOPY};
    Set(option, &blob);
  };
  const TrustStore& system = settings_->trust_store;
  const auto or_none = [](const std::string& path) {
    return path.empty() ? nullptr : path.c_str();
  };
  // In place of what libcurl was compiled with.
  Set(CURLOPT_PROXY_CAINFO, or_none(system.file));
  Set(CURLOPT_PROXY_CAPATH, or_none(system.folder));
  Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (options.insecure) {
    Set(CURLOPT_SSL_VERIFYPEER, 0L);
    Set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  const bool given = !options.ca_certificate_pem.empty();
  if (given) set_blob(CURLOPT_CAINFO_BLOB, options.ca_certificate_pem);
  // The folder would be trusted besides the blob.
  Set(CURLOPT_CAINFO, given ? nullptr : or_none(system.file));
  Set(CURLOPT_CAPATH, given ? nullptr : or_none(system.folder));
  if (!options.client_certificate_pem.empty()) {
    set_blob(CURLOPT_SSLCERT_BLOB, options.client_certificate_pem);
    set_blob(CURLOPT_SSLKEY_BLOB, options.client_key_pem);
    Set(CURLOPT_SSLCERTTYPE, "PEM");
    Set(CURLOPT_SSLKEYTYPE, "PEM");
    // Without a pass phrase OpenSSL would ask for that of an encrypted key on the terminal.
    Set(CURLOPT_KEYPASSWD, "");
  }
}

void CurlExchange::SetProxy() {
  if (!settings_->proxy_url.empty()) {
    Set(CURLOPT_PROXY, settings_->proxy_url.c_str());
    Set(CURLOPT_NOPROXY, "");  // an explicit proxy is not subject to the environment
  } else if (connect_to_ != nullptr) {
    const char* rules = std::getenv("no_proxy");
    if (rules == nullptr) rules = std::getenv("NO_PROXY");
    const bool exempt = rules != nullptr && IsExemptFromProxy(rules, host_);
    Set(exempt ? CURLOPT_PROXY : CURLOPT_NOPROXY, "");
  }
  Set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

void CurlExchange::SetCallbacks() {
  Set(CURLOPT_PRIVATE, static_cast<void*>(this));
  Set(CURLOPT_ERRORBUFFER, error_buffer_.data());
  Set(CURLOPT_HEADERFUNCTION, &CurlExchange::OnHeaderLine);
  Set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  Set(CURLOPT_WRITEFUNCTION, &CurlExchange::OnBody);
  Set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  Set(CURLOPT_NOSIGNAL, 1L);
  // A cancelled request must not wait for the end of a DNS query.
  Set(CURLOPT_QUICK_EXIT, 1L);
  Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  // The other time-outs are kept by Deadline(): libcurl's idle time-out has whole seconds, and its
  // total one is not applied to requests that wait for another's connection.
  Set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  Set(CURLOPT_TCP_KEEPALIVE, 1L);
  Set(CURLOPT_TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  Set(CURLOPT_TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  Set(CURLOPT_SOCKOPTFUNCTION, &CurlExchange::OnSocket);
}

// libcurl's keep-alive says nothing about a peer that vanished while data was on its way to it: the
// kernel would repeat that data for a quarter of an hour, and every request on the shared
// connection with it.
int CurlExchange::OnSocket(void*, curl_socket_t socket, curlsocktype) {
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedMs, sizeof(kUnacknowledgedMs));
  // Not for the children that credential plugins are.
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
}

size_t CurlExchange::OnHeaderLine(char* data, size_t size, size_t count, void* self) {
  static_cast<CurlExchange*>(self)->HeaderLine({data, size * count});
  return size * count;
}

size_t CurlExchange::OnBody(char* data, size_t size, size_t count, void* self) {
  return static_cast<CurlExchange*>(self)->Body({data, size * count}) ? size * count : 0;
}

void CurlExchange::Touch() { last_byte_ = std::chrono::steady_clock::now(); }

void CurlExchange::HeaderLine(std::string_view line) {
  Touch();
  if (headers_delivered_) return;  // trailers
  const absl::string_view text =
      absl::StripAsciiWhitespace(absl::string_view(line.data(), line.size()));
  if (absl::StartsWith(text, "HTTP/")) {
    headers_.clear();
    const absl::string_view code = text.substr(std::min(text.find(' '), text.size()));
    if (!absl::SimpleAtoi(code.substr(0, 4), &status_)) status_ = 0;
    return;
  }
  if (!text.empty()) {
    const size_t colon = text.find(':');
    if (colon == absl::string_view::npos) return;
    headers_.emplace_back(text.substr(0, colon),
                          absl::StripLeadingAsciiWhitespace(text.substr(colon + 1)));
    return;
  }
  if (status_ < 200) return;  // interim, the real one follows
  headers_delivered_ = true;
  handler_->OnHeaders(status_, headers_);
}

bool CurlExchange::Body(std::string_view data) {
  Touch();
  received_ += data.size();
  if (received_ > request_.max_response_bytes) {
    Fail(absl::ResourceExhaustedError(absl::StrCat("the answer of ", peer_, " is larger than ",
                                                   Megabytes(request_.max_response_bytes))));
    return false;
  }
  if (!handler_->OnData(data)) {
    Fail(absl::CancelledError("ended by the receiver"));
    return false;
  }
  return true;
}

CurlExchange::TimePoint CurlExchange::Deadline() const {
  TimePoint deadline = TimePoint::max();
  const auto consider = [&](TimePoint from, absl::Duration limit) {
    // Beyond a year is never, which keeps the sum finite.
    if (limit > absl::Hours(24 * 365)) return;
    deadline = std::min(deadline, from + std::chrono::duration_cast<TimePoint::duration>(
                                             absl::ToChronoNanoseconds(limit)));
  };
  consider(started_, request_.timeout);
  consider(last_byte_, request_.idle_timeout);
  return deadline;
}

absl::Status CurlExchange::DeadlineStatus(TimePoint now) const {
  if (ToDuration(now - started_) >= request_.timeout) {
    return absl::DeadlineExceededError(absl::StrCat("no complete answer from ", peer_, " within ",
                                                    absl::FormatDuration(request_.timeout)));
  }
  return absl::DeadlineExceededError(absl::StrCat("nothing received from ", peer_, " for ",
                                                  absl::FormatDuration(request_.idle_timeout)));
}

absl::Status CurlExchange::Outcome(CURLcode code) const {
  if (!failure_.ok()) return failure_;
  if (code == CURLE_OK) return absl::OkStatus();
  TransferFailure failure;
  failure.code = code;
  failure.detail = error_buffer_.data();
  curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &failure.system_error);
  curl_easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &failure.proxy_status);
  failure.peer = peer_;
  failure.proxy = settings_->proxy_display;
  failure.server_name = server_name_;
  if (settings_->options.ca_certificate_pem.empty()) failure.trust_store = settings_->trust_store;
  failure.elapsed = ToDuration(std::chrono::steady_clock::now() - started_);
  absl::Status status = DescribeFailure(failure);
  // Set when connection and TLS are up and the request is about to be written.
  curl_off_t sending_since = 0;
  curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &sending_since);
  if (sending_since == 0) MarkNeverSent(status);
  return status;
}

void CurlExchange::Finish(const absl::Status& status) {
  if (finished_) return;
  finished_ = true;
  handler_->OnDone(status);
}

}  // namespace delivery::http
