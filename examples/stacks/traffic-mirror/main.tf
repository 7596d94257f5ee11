# A new version meets real requests before any user meets it: Traefik sends it copies of a part of them,
# and nobody sees what it answers. Each refresh compares both.
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
  description = "Version of the workload"
  type        = string
  default     = "1.0.0"
}

variable "candidate" {
  description = "Version that gets copies of the requests"
  type        = string
}

variable "namespace" {
  description = "Namespace to release into; it has the Service and the TraefikService (route.yaml)"
  type        = string
  default     = "delivery-demo"
}

provider "delivery" {
  kubernetes {
    config_path = var.kubeconfig
  }
  prometheus {
    url = var.prometheus
  }
}

# Variant A: whatever releases the workload. The test goes on beside its releases.
resource "delivery_rollout" "web" {
  manifest = yamldecode(templatefile("${path.module}/web.yaml", { namespace = var.namespace }))

  images = {
    web = "${var.registry}/delivery/app:${var.tag}"
  }
  progress_deadline = "1m"
}

resource "delivery_traffic_mirror" "candidate" {
  workload {
    namespace = var.namespace
    name      = split("/", delivery_rollout.web.id)[1]
  }
  images = {
    web = "${var.registry}/delivery/app:${var.candidate}"
  }
  percent = 50

  traffic {
    traefik {
      traefik_service = "web"
      service         = "web"
    }
  }

  interval = "2s"
  metric {
    name  = "good-answers" # of all requests
    min   = 0.95
    total = "sum(increase(http_requests_total{namespace=\"{{namespace}}\",pod=~\"{{pods}}\"}[{{interval}}]))"
    prometheus {
      query = "sum(increase(http_requests_total{namespace=\"{{namespace}}\",pod=~\"{{pods}}\",code!~\"5..\"}[{{interval}}]))"
    }
  }
  progress_deadline = "1m"
}

# The whole report has the numbers, too; they move with each refresh.
output "verdicts" {
  value = { for entry in delivery_traffic_mirror.candidate.report : entry.metric => entry.verdict }
}
