# A Deployment by namespace/name, while no release of it is open.
terraform import delivery_canary_release.web shop/web
