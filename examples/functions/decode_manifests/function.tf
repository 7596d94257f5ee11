locals {
  manifests = provider::delivery::decode_manifests(file("${path.module}/shop.yaml"))
}

resource "delivery_rollout" "shop" {
  for_each = { for manifest in local.manifests : manifest.metadata.name => manifest }

  manifest = each.value
}
