locals {
  image = provider::delivery::parse_image("registry.example.com/team/web:1.4.0")
}

# registry.example.com
output "registry" {
  value = local.image.registry
}

# team/web
output "repository" {
  value = local.image.repository
}

# 1.4.0
output "tag" {
  value = local.image.tag
}
