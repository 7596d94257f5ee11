# A test that serves, by namespace/name of the workload.
terraform import delivery_ab_test.button shop/web
