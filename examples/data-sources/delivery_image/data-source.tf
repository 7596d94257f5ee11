# The newest build of the main branch, by the time in tags such as main-3f9c2d1-1700000000.
data "delivery_image" "web" {
  repository = "registry.example.com/team/web"

  policy {
    numerical {
      order = "asc"
    }
  }

  filter_tags {
    pattern = "^main-[a-f0-9]+-(?P<ts>[0-9]+)$"
    extract = "$ts"
  }

  platform = "linux/amd64"
}

output "image" {
  value = data.delivery_image.web.image
}
