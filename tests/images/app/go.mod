module terraform-provider-delivery/tests/images/app

go 1.21
