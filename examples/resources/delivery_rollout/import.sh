# A Deployment by namespace/name, or Kind/namespace/name.
terraform import delivery_rollout.web shop/web
