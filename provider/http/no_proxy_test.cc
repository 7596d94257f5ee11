#include "provider/http/no_proxy.h"

#include "gtest/gtest.h"

namespace delivery::http {
namespace {

struct Case {
  const char* rules;
  const char* host;
  bool exempt;
};

TEST(NoProxyTest, CoversHostsByTheRules) {
  const Case cases[] = {
      {"", "example.com", false},
      {"*", "example.com", true},
      {"example.com", "example.com", true},
      {"example.com", "api.Example.com", true},
      {".example.com", "api.example.com", true},
      {"example.com", "notexample.com", false},
      {"a.test, example.com", "example.com", true},
      {"a.test example.com", "example.com", true},
      {"10.0.0.0/8", "10.1.2.3", true},
      {"10.0.0.0/8", "11.1.2.3", false},
      {"192.168.4.0/22", "192.168.7.9", true},
      {"192.168.4.0/22", "192.168.8.9", false},
      {"127.0.0.1", "127.0.0.1", true},
      {"0.0.0.0/0", "8.8.8.8", true},
      {"10.0.0.0/99", "10.0.0.1", false},
      {"10.0.0.0/x", "10.0.0.1", false},
      {"fd00::/8", "fd12::1", true},
      {"fd00::/8", "fe80::1", false},
      {"10.0.0.0/8", "fd12::1", false},
      {",,", "example.com", false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(IsExemptFromProxy(c.rules, c.host), c.exempt) << c.rules << " and " << c.host;
  }
}

}  // namespace
}  // namespace delivery::http
