# Blue-green behind a Gateway: the new version starts beside the one that serves, is checked, gets all
# the requests in one write, and is measured; the old one stays for a while. Change `tag`, plan, and
# apply. A failure after the switch switches back at once.
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

variable "observe" {
  description = "How long the new version is measured after the switch"
  type        = string
  default     = "20s"
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

resource "delivery_blue_green_release" "web" {
  manifest = yamldecode(templatefile("${path.module}/web.yaml", { namespace = var.namespace }))

  images = {
    web = "${var.registry}/delivery/app:${var.tag}"
  }

  service = "web"
  switch {
    selector {}
  }

  preview_service  = "web-preview"
  preview_replicas = 1
  keep_previous    = "10m"

  # Nobody is sent to a version that does not answer at all.
  check {
    name = "smoke"
    at   = "before_promotion"
    http {
      target = "canary"
      port   = 8080
      path   = "/healthz"
    }
  }

  analysis {
    interval      = "2s"
    initial_delay = "3s"
    duration      = var.observe
    # A version that has just started has no requests yet whose share could be counted.
    inconclusive_limit = 10

    metric {
      name = "success-rate" # percent of the new version's requests that were not answered by 5xx
      min  = 95
      prometheus {
        query = <<-QUERY
          100 * sum(rate(http_requests_total{namespace="{{namespace}}",pod=~"{{pods}}",code!~"5.."}[5s]))
              / sum(rate(http_requests_total{namespace="{{namespace}}",pod=~"{{pods}}"}[5s]))
        QUERY
      }
    }
  }

  progress_deadline = "1m"
}

output "running" {
  value = delivery_blue_green_release.web.running_images
}

output "serves" {
  value = delivery_blue_green_release.web.active_slot
}

output "report" {
  value = delivery_blue_green_release.web.analysis_report
}
