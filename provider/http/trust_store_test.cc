#include "provider/http/trust_store.h"

#include <map>
#include <set>

#include "gtest/gtest.h"

namespace delivery::http {
namespace {

struct Machine {
  const char* name;
  std::map<std::string, std::string> environment;
  std::set<std::string> readable;
  std::string file;
  std::string folder;
};

TrustStore Find(const Machine& machine) {
  return FindTrustStore(
      [&](const char* name) -> std::optional<std::string> {
        const auto found = machine.environment.find(name);
        if (found == machine.environment.end()) return std::nullopt;
        return found->second;
      },
      [&](const std::string& path) { return machine.readable.count(path) > 0; });
}

TEST(TrustStoreTest, IsFoundOnEverySystem) {
  const Machine machines[] = {
      {"Debian",
       {},
       {"/etc/ssl/certs", "/etc/ssl/certs/ca-certificates.crt"},
       "/etc/ssl/certs/ca-certificates.crt",
       "/etc/ssl/certs"},
      {"Alpine",
       {},
       {"/etc/ssl/certs", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"},
       "/etc/ssl/certs/ca-certificates.crt",
       "/etc/ssl/certs"},
      {"Alpine without ca-certificates", {}, {"/etc/ssl/cert.pem"}, "/etc/ssl/cert.pem", ""},
      {"RHEL",
       {},
       {"/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"},
       "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
       "/etc/ssl/certs:/etc/pki/tls/certs"},
      {"SUSE",
       {},
       {"/etc/ssl/certs", "/etc/ssl/ca-bundle.pem"},
       "/etc/ssl/ca-bundle.pem",
       "/etc/ssl/certs"},
      {"distroless",
       {},
       {"/etc/ssl/certs/ca-certificates.crt"},
       "/etc/ssl/certs/ca-certificates.crt",
       ""},
      {"nothing at all", {}, {}, "", ""},
  };
  for (const Machine& machine : machines) {
    const TrustStore store = Find(machine);
    EXPECT_EQ(store.file, machine.file) << machine.name;
    EXPECT_EQ(store.folder, machine.folder) << machine.name;
  }
}

TEST(TrustStoreTest, TheEnvironmentComesFirst) {
  const std::set<std::string> debian = {"/etc/ssl/certs", "/etc/ssl/certs/ca-certificates.crt"};
  const Machine machines[] = {
      {"file", {{"SSL_CERT_FILE", "/ours.pem"}}, debian, "/ours.pem", "/etc/ssl/certs"},
      {"folder",
       {{"SSL_CERT_DIR", "/a:/b"}},
       debian,
       "/etc/ssl/certs/ca-certificates.crt",
       "/a:/b"},
      {"empty is not set",
       {{"SSL_CERT_FILE", ""}, {"SSL_CERT_DIR", ""}},
       debian,
       "/etc/ssl/certs/ca-certificates.crt",
       "/etc/ssl/certs"},
  };
  for (const Machine& machine : machines) {
    const TrustStore store = Find(machine);
    EXPECT_EQ(store.file, machine.file) << machine.name;
    EXPECT_EQ(store.folder, machine.folder) << machine.name;
  }
}

}  // namespace
}  // namespace delivery::http
