#include "provider/oci/credential_helper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "provider/base/redact.h"
#include "provider/system/test_folder.h"

namespace delivery::oci {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CredentialHelperTest : public ::testing::Test {
 protected:
  absl::StatusOr<Credential> Run(const std::string& script,
                                 absl::Duration timeout = absl::Seconds(20)) {
    folder_.Script("docker-credential-test", script);
    return RunCredentialHelper(
        {"test", "registry.example.com", folder_.path() + ":/usr/bin:/bin", timeout}, {});
  }
  static std::string Message(const absl::StatusOr<Credential>& result) {
    return std::string(result.status().message());
  }

  const system::TestFolder folder_;
};

TEST_F(CredentialHelperTest, IsAskedForTheHost) {
  const auto credential = Run(
      R"(test "$1" = get || exit 9
read -r host; test "$host" = registry.example.com -o -n "$host" || exit 8
echo "{\"ServerURL\": \"$host\", \"Username\": \"u\", \"Secret\": \"sec-ret-1\"}")");
  ASSERT_TRUE(credential.ok()) << credential.status();
  EXPECT_EQ(*credential, (Credential{.username = "u", .password = "sec-ret-1"}));
  EXPECT_EQ(Redact("sec-ret-1"), "(redacted)");
}

TEST_F(CredentialHelperTest, GetsExactlyTheHostOnStdin) {
  folder_.Script("docker-credential-test", "cat > " + folder_.Path("asked") + "; exit 1");
  (void)RunCredentialHelper({"test", "localhost:5000", folder_.path() + ":/usr/bin:/bin"}, {});
  EXPECT_EQ(folder_.Read("asked"), "localhost:5000");
}

TEST_F(CredentialHelperTest, TheUserTokenMarksAnIdentityToken) {
  const auto credential = Run(R"(echo '{"Username": "<token>", "Secret": "identity-1"}')");
  EXPECT_EQ(*credential, (Credential{.identity_token = "identity-1"}));
}

TEST_F(CredentialHelperTest, NothingKnownIsAnonymous) {
  const auto credential = Run("echo 'credentials not found in native keychain'; exit 1");
  ASSERT_TRUE(credential.ok()) << credential.status();
  EXPECT_TRUE(credential->IsAnonymous());
}

TEST_F(CredentialHelperTest, FailuresNameTheHelperAndNotItsOutput) {
  const auto failed = Run("echo 'stolen: hunter2'; exit 7");
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(failed), AllOf(HasSubstr("docker-credential-test failed with exit code 7"),
                                     HasSubstr("registry.example.com"), Not(HasSubstr("hunter2"))));
  const auto garbage = Run("echo hunter2");
  EXPECT_THAT(Message(garbage), AllOf(HasSubstr("not a JSON object"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(Message(Run("echo '{\"Username\": \"u\"}'")), HasSubstr("without Secret"));
  EXPECT_THAT(Message(Run("kill -9 $$")), HasSubstr("killed by signal 9"));
  EXPECT_EQ(Run("exec cat /dev/zero").status().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(CredentialHelperTest, IsBoundedInTime) {
  const auto hung = Run("sleep 100", absl::Milliseconds(300));
  EXPECT_EQ(hung.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(hung), HasSubstr("docker-credential-test did not end within 300ms"));
}

TEST_F(CredentialHelperTest, MustBeInstalled) {
  const auto missing = RunCredentialHelper({"none", "h", folder_.path()}, {});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(missing), HasSubstr("docker-credential-none, needed for h, is not in PATH"));
  folder_.Script("bin/docker-credential-x", "true");
  EXPECT_THAT(Message(RunCredentialHelper({"/../bin/docker-credential-x", "h", "/"}, {})),
              HasSubstr("is not the name of a helper"));
}

}  // namespace
}  // namespace delivery::oci
