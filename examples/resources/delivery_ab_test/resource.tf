resource "delivery_ab_test" "button" {
  # Variant A: an existing Deployment, which is never written.
  workload {
    namespace = "shop"
    name      = "web"
  }

  # Variant B: its live pod template with another button, as Deployment web-b.
  env = {
    web = { BUTTON = "green" }
  }
  replicas = 2

  traffic {
    gateway_api {
      route   = "web"
      service = "web"
    }
  }

  # Who sees B. For a share of all users: weight = 10.
  match {
    cookie {
      name  = "beta"
      exact = "yes"
    }
  }

  duration = "72h"

  # Counts: of all requests for the cart, those that became orders.
  metric {
    name      = "orders"
    direction = "increase"
    total     = "sum(increase(cart_requests_total{namespace=\"{{namespace}}\",pod=~\"{{pods}}\"}[{{interval}}]))"
    prometheus {
      url   = "https://prometheus.example.com" # otherwise that of the provider's prometheus block
      query = "sum(increase(orders_total{namespace=\"{{namespace}}\",pod=~\"{{pods}}\"}[{{interval}}]))"
    }
  }

  # Values: one for each interval.
  metric {
    name      = "seconds"
    direction = "decrease"
    prometheus {
      url   = "https://prometheus.example.com"
      query = <<-QUERY
        sum(rate(http_request_duration_seconds_sum{namespace="{{namespace}}",pod=~"{{pods}}"}[{{interval}}]))
          / sum(rate(http_request_duration_seconds_count{namespace="{{namespace}}",pod=~"{{pods}}"}[{{interval}}]))
      QUERY
    }
  }
  interval = "5m"
}

output "verdicts" {
  value = { for entry in delivery_ab_test.button.report : entry.metric => entry.verdict }
}
