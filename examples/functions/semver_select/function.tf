locals {
  tags = ["1.9.0", "1.10.0", "1.11.0-rc.1", "2.0.0", "latest"]
}

# 1.10.0: the highest release in the range; it names no pre-release.
output "tag" {
  value = provider::delivery::semver_select(local.tags, ">=1.0.0 <2.0.0")
}
