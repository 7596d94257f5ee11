resource "delivery_canary_release" "web" {
  manifest = yamldecode(file("${path.module}/web.yaml"))

  images = {
    web = "registry.example.com/shop/web:1.4.0"
  }

  traffic {
    gateway_api {
      route   = "web"
      service = "web"
    }
  }

  step {
    weight = 5
    hold   = "2m"
    checks = ["smoke"]
  }
  step {
    weight = 25
    hold   = "5m"
  }
  step {
    weight = 50
    hold   = "5m"
  }

  check {
    name = "smoke"
    http {
      port = 8080
      path = "/healthz"
    }
  }

  analysis {
    interval = "30s"
    metric {
      name       = "restarts"
      max        = 0
      kubernetes = "restarts"
    }
  }
}
