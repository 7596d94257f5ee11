# The newest version of a repository, released: push a tag, plan, and see `1.0.0 -> 1.1.0` for the
# image policy and for the rollout that follows it.
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
  description = "Registry that holds the application's images, host:port; spoken to without TLS"
  type        = string
}

variable "repository" {
  description = "Repository of the application in it"
  type        = string
  default     = "delivery/app"
}

variable "namespace" {
  description = "Namespace to release into; it must exist"
  type        = string
  default     = "delivery-demo"
}

variable "pin" {
  description = "A version to hold whatever is pushed, for example one that ran before; null: the newest"
  type        = string
  default     = null
}

provider "delivery" {
  kubernetes {
    config_path = var.kubeconfig
  }
  registry {
    host       = var.registry
    plain_http = true
  }
}

resource "delivery_image_policy" "web" {
  repository = "${var.registry}/${var.repository}"

  policy {
    semver {
      range = ">=1.0.0 <2.0.0"
    }
  }
  pin = var.pin
}

resource "delivery_rollout" "web" {
  manifest = yamldecode(templatefile("${path.module}/web.yaml", { namespace = var.namespace }))

  images = {
    web = delivery_image_policy.web.image
  }

  progress_deadline = "1m"
}

output "selected" {
  value = delivery_image_policy.web.image
}

output "skipped" {
  description = "Tags that were not selected, and why"
  value       = delivery_image_policy.web.skipped
}
