locals {
  steps = provider::delivery::canary_steps(50, 20, "2m")
}

# ["20 % for 2m", "40 % for 2m", "50 % for 2m"]
output "steps" {
  value = [for step in local.steps : "${step.weight} % for ${step.hold}"]
}
