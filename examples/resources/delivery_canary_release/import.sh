# A Deployment by namespace/name.
terraform import delivery_canary_release.web shop/web
