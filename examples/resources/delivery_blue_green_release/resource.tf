resource "delivery_blue_green_release" "web" {
  # A Deployment named web: becomes web-blue and web-green.
  manifest = yamldecode(file("${path.module}/web.yaml"))

  images = {
    web = "registry.example.com/shop/web:1.4.0"
  }

  service = "web"
  switch {
    selector {}
  }

  # For the checks, and for people who want to see it first.
  preview_service  = "web-preview"
  preview_replicas = 1
  keep_previous    = "1h"

  check {
    name = "smoke"
    at   = "before_promotion"
    http {
      target = "canary" # the idle slot
      port   = 8080
      path   = "/healthz"
    }
  }

  # After the switch; a failure switches back at once.
  analysis {
    interval = "30s"
    duration = "5m"
    metric {
      name       = "restarts"
      max        = 0
      kubernetes = "restarts"
    }
  }
}
