# Tags such as 1.4.0-alpine: the newest 1.x that is built for our nodes, signed, and at least a day old.
resource "delivery_image_policy" "web" {
  repository = "registry.example.com/team/web"

  policy {
    semver {
      range = ">=1.0.0 <2.0.0"
    }
  }

  filter_tags {
    pattern = "^(?P<version>[0-9.]+)-alpine$"
    extract = "$version"
  }

  platform = "linux/amd64"
  min_age  = "24h"
  exclude  = ["1.4.2-alpine"]

  verify {
    cosign {
      public_key = file("${path.module}/cosign.pub")
    }
  }
}

output "image" {
  value = delivery_image_policy.web.image
}
