terraform {
  required_providers {
    delivery = {
      source = "delivery-tf/delivery"
    }
  }
}

provider "delivery" {
  kubernetes {
    config_path    = "~/.kube/config"
    config_context = "production"
  }
}
