# A mirror that serves, by namespace/name of the workload.
terraform import delivery_traffic_mirror.shadow shop/web
