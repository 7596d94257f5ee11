# An A/B test by header: who sends X-Variant: b gets variant B, which takes longer to answer. Each refresh
# compares both (terraform apply -refresh-only), and users of A never notice.
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

variable "delay" {
  description = "How long variant B takes to answer"
  type        = string
  default     = "50ms"
}

variable "namespace" {
  description = "Namespace to release into; it has the Service and the HTTPRoute (route.yaml)"
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

resource "delivery_ab_test" "delay" {
  workload {
    namespace = var.namespace
    name      = split("/", delivery_rollout.web.id)[1]
  }
  env = {
    web = { DELAY = var.delay }
  }

  traffic {
    gateway_api {
      route   = "web"
      service = "web"
    }
  }
  match {
    header {
      name  = "X-Variant"
      exact = "b"
    }
  }
  duration = "72h"

  interval = "2s"
  metric {
    name      = "seconds" # that a request takes
    direction = "decrease"
    prometheus {
      query = <<-QUERY
        sum(rate(http_request_duration_seconds_sum{namespace="{{namespace}}",pod=~"{{pods}}"}[{{interval}}]))
          / sum(rate(http_request_duration_seconds_count{namespace="{{namespace}}",pod=~"{{pods}}"}[{{interval}}]))
      QUERY
    }
  }
  metric {
    name  = "good-answers" # of all requests
    total = "sum(increase(http_requests_total{namespace=\"{{namespace}}\",pod=~\"{{pods}}\"}[{{interval}}]))"
    prometheus {
      query = "sum(increase(http_requests_total{namespace=\"{{namespace}}\",pod=~\"{{pods}}\",code!~\"5..\"}[{{interval}}]))"
    }
  }
  progress_deadline = "1m"
}

# The whole report has the numbers, too; they move with each refresh.
output "verdicts" {
  value = { for entry in delivery_ab_test.delay.report : entry.metric => entry.verdict }
}
