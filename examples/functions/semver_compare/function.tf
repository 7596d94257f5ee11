variable "tag" {
  type    = string
  default = "1.10.0"

  validation {
    condition     = provider::delivery::semver_compare(var.tag, "1.4.0") >= 0
    error_message = "Versions before 1.4.0 cannot read the database any more."
  }
}

# -1: by the parts of the version, not by their letters.
output "order" {
  value = provider::delivery::semver_compare("1.9.0", var.tag)
}
