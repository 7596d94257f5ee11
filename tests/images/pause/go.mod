module terraform-provider-delivery/tests/images/pause

go 1.21
