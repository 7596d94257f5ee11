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
  }
  step {
    weight = 25
    hold   = "5m"
    checks = ["smoke"]
  }
  step {
    weight = 50
    hold   = "5m"
  }

  # Testers get the canary as soon as it serves.
  match {
    header {
      name  = "X-Canary"
      exact = "always"
    }
  }

  check {
    name = "smoke"
    http {
      target = "canary"
      port   = 8080
      path   = "/healthz"
    }
  }

  analysis {
    interval = "30s"

    metric {
      name = "success-rate"
      min  = 99
      prometheus {
        url   = "https://prometheus.example.com" # otherwise that of the provider's prometheus block
        query = <<-QUERY
          100 * sum(rate(http_requests_total{namespace="{{namespace}}",pod=~"{{pods}}",code!~"5.."}[1m]))
              / sum(rate(http_requests_total{namespace="{{namespace}}",pod=~"{{pods}}"}[1m]))
        QUERY
      }
    }

    metric {
      name       = "restarts"
      max        = 0
      kubernetes = "restarts"
    }
  }
}
