# A Deployment by namespace/name, once both slots (<name>-blue, <name>-green) exist and no release is open.
terraform import delivery_blue_green_release.web shop/web
