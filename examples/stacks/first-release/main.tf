# A first release: one Deployment whose version is a variable. Change `tag`, apply, and watch; give
# it a version that does not start, and see it rolled back.
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

variable "tag" {
  description = "Version to release"
  type        = string
}

variable "namespace" {
  description = "Namespace to release into; it must exist"
  type        = string
  default     = "delivery-demo"
}

provider "delivery" {
  kubernetes {
    config_path = var.kubeconfig
  }
}

resource "delivery_rollout" "web" {
  manifest = yamldecode(templatefile("${path.module}/web.yaml", { namespace = var.namespace }))

  images = {
    web = "${var.registry}/delivery/app:${var.tag}"
  }

  progress_deadline = "1m"
}

output "running" {
  value = delivery_rollout.web.running_images
}
