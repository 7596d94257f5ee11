resource "delivery_traffic_mirror" "shadow" {
  workload {
    namespace = "shop"
    name      = "web"
  }

  images = {
    web = "registry.example.com/shop/web:2.0.0"
  }
  # It must not write where the workload does: requests that change something are copied, too.
  env = {
    web = { DATABASE_URL = "postgres://shadow.example.com/shop" }
  }
  percent = 20

  traffic {
    istio {
      virtual_service  = "web"
      destination_rule = "web"
      service          = "web"
    }
  }

  metric {
    name   = "success-rate"
    preset = "request_success_rate"
  }
}
