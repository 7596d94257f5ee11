resource "delivery_rollout" "web" {
  manifest = yamldecode(file("${path.module}/web.yaml"))

  images = {
    web = "registry.example.com/shop/web:1.4.0"
  }

  on_failure        = "rollback"
  progress_deadline = "5m"
  ignore_fields     = ["spec.template.spec.containers[name=web].resources"]

  timeouts {
    update = "15m"
  }
}
