#include "provider/oci/public_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "provider/base/redact.h"
#include "provider/oci/test_keys.h"

namespace delivery::oci {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Refusal(const std::string& pem) {
  const auto key = PublicKey::Parse(pem);
  return key.ok() ? "accepted" : std::string(key.status().message());
}

TEST(PublicKeyTest, VerifiesWhatCosignSigns) {
  for (const TestKey& key :
       {TestKey::Ec("P-256"), TestKey::Ec("P-384"), TestKey::Ec("P-521"), TestKey::Rsa(2048)}) {
    const auto parsed = PublicKey::Parse(key.PublicPem());
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    const std::string signature = key.Sign("message");
    EXPECT_TRUE(parsed->Verifies("message", signature));
    EXPECT_FALSE(parsed->Verifies("massage", signature));
    EXPECT_FALSE(parsed->Verifies("message", signature.substr(1)));
    EXPECT_FALSE(parsed->Verifies("message", ""));
    EXPECT_FALSE(parsed->Verifies("message", key.Sign("message", EVP_sha1())));
  }
}

TEST(PublicKeyTest, LargerCurvesMayHaveTheirOwnHash) {
  const TestKey p256 = TestKey::Ec("P-256");
  const TestKey p384 = TestKey::Ec("P-384");
  const TestKey p521 = TestKey::Ec("P-521");
  EXPECT_TRUE(PublicKey::Parse(p384.PublicPem())->Verifies("m", p384.Sign("m", EVP_sha384())));
  EXPECT_TRUE(PublicKey::Parse(p521.PublicPem())->Verifies("m", p521.Sign("m", EVP_sha512())));
  EXPECT_FALSE(PublicKey::Parse(p256.PublicPem())->Verifies("m", p256.Sign("m", EVP_sha512())));
}

TEST(PublicKeyTest, VerifiesEd25519) {
  const TestKey key = TestKey::Named("ED25519");
  const auto parsed = PublicKey::Parse("comment\n" + key.PublicPem() + "\n");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(parsed->Verifies("message", key.Sign("message", nullptr)));
  EXPECT_FALSE(parsed->Verifies("massage", key.Sign("message", nullptr)));
}

TEST(PublicKeyTest, OtherKeysDoNotVerify) {
  const TestKey key = TestKey::Ec("P-256");
  EXPECT_FALSE(
      PublicKey::Parse(TestKey::Ec("P-256").PublicPem())->Verifies("message", key.Sign("message")));
}

TEST(PublicKeyTest, SaysWhatAnotherTextIs) {
  const TestKey key = TestKey::Ec("P-256");
  const std::string pem = key.PublicPem();
  EXPECT_THAT(Refusal(""), HasSubstr("not a PEM text"));
  EXPECT_THAT(Refusal("cosign.pub"), HasSubstr("not a PEM text"));
  EXPECT_THAT(Refusal(pem + pem), HasSubstr("more than one key"));
  EXPECT_THAT(Refusal("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
              HasSubstr("is damaged"));
  EXPECT_THAT(Refusal("-----BEGIN PUBLIC KEY"), HasSubstr("not a PEM text"));
  EXPECT_THAT(Refusal("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
              HasSubstr("is a certificate"));
  EXPECT_THAT(Refusal("-----BEGIN RSA PUBLIC KEY-----\n"), HasSubstr("RSA PUBLIC KEY"));
}

TEST(PublicKeyTest, APrivateKeyIsRefusedAndNeverShown) {
  const std::string pem = TestKey::Ec("P-256").PrivatePem();
  EXPECT_THAT(Refusal(pem), AllOf(HasSubstr("is a private key"), Not(HasSubstr("BEGIN"))));
  EXPECT_EQ(Redact("x " + pem), "x (redacted)");
  EXPECT_THAT(Refusal("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"),
              HasSubstr("is a private key"));
}

TEST(PublicKeyTest, WeakAndUnknownKeysAreRefused) {
  EXPECT_THAT(Refusal(TestKey::Rsa(1024).PublicPem()), HasSubstr("1024 bits"));
  EXPECT_THAT(Refusal(TestKey::Ec("secp256k1").PublicPem()), HasSubstr("secp256k1"));
  EXPECT_THAT(Refusal(TestKey::Named("X25519").PublicPem()), HasSubstr("neither"));
}

}  // namespace
}  // namespace delivery::oci
