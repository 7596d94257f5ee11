#include "provider/plugin/auto_mtls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "provider/plugin/controller.h"

namespace delivery::plugin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct SslFree {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, SslFree>;

Owned<X509> ReadCertificate(const std::string& pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Owned<X509>(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

Owned<EVP_PKEY> ReadKey(const std::string& pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Owned<EVP_PKEY>(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

ServerIdentity Identity() {
  auto identity = MakeServerIdentity(absl::Now());
  EXPECT_TRUE(identity.ok()) << identity.status();
  return *std::move(identity);
}

// A client certificate with the P-521 key that hosts use.
ServerIdentity HostIdentity() {
  ServerIdentity identity = Identity();
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-521"));
  const Owned<X509> certificate = ReadCertificate(identity.certificate_pem);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha512());
  const Owned<BIO> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(out.get(), certificate.get());
  const Owned<BIO> key_out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const auto size = static_cast<size_t>(BIO_get_mem_data(out.get(), &text));
  identity.certificate_pem.assign(text, size);
  const auto key_size = static_cast<size_t>(BIO_get_mem_data(key_out.get(), &text));
  identity.key_pem.assign(text, key_size);
  return identity;
}

// A gRPC server as the host meets it.
class TlsServer {
 public:
  TlsServer(const ServerIdentity& identity, const std::string& client_certificate)
      : path_(absl::StrCat("/tmp/auto_mtls_test_", ::getpid())) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + path_, *MutualTls(identity, client_certificate));
    builder.RegisterService(&controller_);  // gRPC starts no server without a service
    server_ = builder.BuildAndStart();
  }
  ~TlsServer() {
    server_->Shutdown();
    ::unlink(path_.c_str());
  }
  int Connect() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

 private:
  const std::string path_;
  Controller controller_{[] {}};
  std::unique_ptr<grpc::Server> server_;
};

// Connects as Go's TLS client does and returns "ok" when the server went on to speak HTTP/2, else
// OpenSSL's error.
std::string Visit(const TlsServer& server, const ServerIdentity& expected,
                  const ServerIdentity* own, int version) {
  ERR_clear_error();
  ::signal(SIGPIPE, SIG_IGN);  // a server that refuses us closes the connection
  const Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  const Owned<X509> trusted = ReadCertificate(expected.certificate_pem);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), trusted.get());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (own != nullptr) {
    SSL_CTX_use_certificate(context.get(), ReadCertificate(own->certificate_pem).get());
    SSL_CTX_use_PrivateKey(context.get(), ReadKey(own->key_pem).get());
  }
  const unsigned char alpn[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context.get(), alpn, sizeof(alpn));
  const Owned<SSL> ssl(SSL_new(context.get()));
  SSL_set1_host(ssl.get(), "localhost");
  const int fd = server.Connect();
  SSL_set_fd(ssl.get(), fd);
  char settings[9] = "";
  const bool ok = SSL_connect(ssl.get()) == 1 && SSL_read(ssl.get(), settings, 9) > 0;
  ::close(fd);
  if (ok) return "ok";
  char text[256] = "connection closed";
  if (const unsigned long error = ERR_get_error(); error != 0) {
    ERR_error_string_n(error, text, sizeof(text));
  }
  return text;
}

TEST(ServerIdentity, IsWhatGoAcceptsForLocalhost) {
  const ServerIdentity identity = Identity();
  const Owned<X509> certificate = ReadCertificate(identity.certificate_pem);
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_check_host(certificate.get(), "localhost", 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                            nullptr),
            1);
  EXPECT_EQ(X509_check_ca(certificate.get()), 1);
  EXPECT_EQ(X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_SERVER, 0), 1);
  EXPECT_EQ(X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_CLIENT, 0), 1);
  EXPECT_LT(X509_cmp_current_time(X509_get0_notBefore(certificate.get())), 0);
  EXPECT_GT(X509_cmp_current_time(X509_get0_notAfter(certificate.get())), 0);
  EXPECT_EQ(X509_verify(certificate.get(), X509_get0_pubkey(certificate.get())), 1);
}

TEST(ServerIdentity, HandshakeFormIsUnpaddedDer) {
  // The length of the certificate differs by signature, so several give each kind of padding.
  for (int i = 0; i < 12; ++i) {
    const ServerIdentity identity = Identity();
    EXPECT_THAT(identity.handshake_certificate, Not(HasSubstr("=")));
    EXPECT_THAT(identity.handshake_certificate, Not(HasSubstr("\n")));
    EXPECT_GT(identity.handshake_certificate.size(), 50U);
    std::string der;
    ASSERT_TRUE(absl::Base64Unescape(identity.handshake_certificate, &der));
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    const Owned<X509> parsed(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
    ASSERT_NE(parsed, nullptr);
    EXPECT_EQ(X509_cmp(parsed.get(), ReadCertificate(identity.certificate_pem).get()), 0);
  }
}

TEST(ServerIdentity, IsNewEachTime) {
  EXPECT_NE(Identity().handshake_certificate, Identity().handshake_certificate);
}

TEST(MutualTls, RefusesWhatIsNoCertificate) {
  EXPECT_EQ(MutualTls(Identity(), "not a certificate").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(MutualTls, AcceptsTheHostAndNobodyElse) {
  const ServerIdentity plugin = Identity();
  const ServerIdentity host = HostIdentity();
  const ServerIdentity stranger = HostIdentity();
  const TlsServer server(plugin, host.certificate_pem);
  EXPECT_EQ(Visit(server, plugin, &host, TLS1_3_VERSION), "ok");
  EXPECT_NE(Visit(server, plugin, &stranger, TLS1_3_VERSION), "ok");
  EXPECT_NE(Visit(server, plugin, nullptr, TLS1_3_VERSION), "ok");
  EXPECT_EQ(Visit(server, plugin, &host, TLS1_3_VERSION), "ok");
}

TEST(MutualTls, SpeaksNothingOlderThanTls13) {
  const ServerIdentity plugin = Identity();
  const ServerIdentity host = Identity();
  const TlsServer server(plugin, host.certificate_pem);
  EXPECT_EQ(Visit(server, plugin, &host, TLS1_3_VERSION), "ok");
  EXPECT_NE(Visit(server, plugin, &host, TLS1_2_VERSION), "ok");
}

}  // namespace
}  // namespace delivery::plugin
