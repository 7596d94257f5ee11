# A canary behind a Gateway: the new version gets 5, then 25, then 50 percent of the requests, is
# measured at each step, and takes over, or the traffic goes back. Change `tag`, plan, and apply.
terraform {
  required_providers {
    delivery = {
      source = "delivery-tf/delivery"
    }
  }
}

variable "kubeconfig" {
  description = "Path of the kubeconfig file"
  type        = string
}

variable "registry" {
  description = "Registry that holds the application's images, host:port"
  type        = string
}

variable "prometheus" {
  description = "URL of the Prometheus that scrapes the application's pods"
  type        = string
}

variable "tag" {
  description = "Version to release"
  type        = string
}

variable "namespace" {
  description = "Namespace to release into; it has the Service and the HTTPRoute (route.yaml)"
  type        = string
  default     = "delivery-demo"
}

variable "hold" {
  description = "How long each step is held and measured"
  type        = string
  default     = "10s"
}

provider "delivery" {
  kubernetes {
    config_path = var.kubeconfig
  }
  prometheus {
    url = var.prometheus
  }
  progress_file = "release.log"
}

resource "delivery_canary_release" "web" {
  manifest = yamldecode(templatefile("${path.module}/web.yaml", { namespace = var.namespace }))

  images = {
    web = "${var.registry}/delivery/app:${var.tag}"
  }

  traffic {
    gateway_api {
      route   = "web"
      service = "web"
    }
  }

  dynamic "step" {
    for_each = [5, 25, 50]
    content {
      weight = step.value
      hold   = var.hold
    }
  }

  # Nobody is sent to a version that does not answer at all.
  check {
    name = "smoke"
    at   = "before_traffic"
    http {
      target = "canary"
      port   = 8080
      path   = "/healthz"
    }
  }

  analysis {
    interval      = "2s"
    initial_delay = "3s"
    # A version that has just started has no requests yet whose share could be counted.
    inconclusive_limit = 10

    metric {
      name = "success-rate" # percent of the canary's requests that were not answered by 5xx
      min  = 95
      prometheus {
        query = <<-QUERY
          100 * sum(rate(http_requests_total{namespace="{{namespace}}",pod=~"{{pods}}",code!~"5.."}[5s]))
              / sum(rate(http_requests_total{namespace="{{namespace}}",pod=~"{{pods}}"}[5s]))
        QUERY
      }
    }

    metric {
      name = "duration-p99" # seconds
      max  = 0.25
      prometheus {
        query = <<-QUERY
          histogram_quantile(0.99, sum by (le) (
            rate(http_request_duration_seconds_bucket{namespace="{{namespace}}",pod=~"{{pods}}"}[5s])))
        QUERY
      }
    }
  }

  scale_down_delay  = "5s"
  progress_deadline = "1m"
}

output "running" {
  value = delivery_canary_release.web.running_images
}

output "report" {
  value = delivery_canary_release.web.analysis_report
}
