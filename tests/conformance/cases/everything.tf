# One of everything that the protocol can carry.
resource "probe_thing" "all" {
  name    = "all"
  decimal = 0.1
  big     = 1180591620717411303424 # 2^70
  data = {
    list   = [1, "two", false, null]
    nested = { deep = { number = 12345678901234567890.5 } }
    text   = "ünïcödé"
  }
  tags     = ["b", "a", "b"]
  labels   = { "with space" = "1", plain = "2" }
  lines    = ["z", "a", "e\u0301"] # decomposed: the host normalises it
  password = "correct-horse-battery"

  behaviour {
    sleep_ms = 1
  }
  step {
    weight = 10
    hold   = "1m"
    gate {
      query = "errors"
      max   = 0.01
    }
  }
  step {
    weight = 100
  }
  rule {
    host  = "b.example"
    ports = [443, 80]
  }
  rule {
    host = "a.example"
  }
}

data "probe_echo" "known" {
  input = { numbers = [0.1, 1180591620717411303424], nothing = null, set = toset(["x"]) }
}

data "probe_echo" "deferred" {
  input = probe_thing.all.id
}

output "known" {
  value = data.probe_echo.known.output
}

output "deferred" {
  value = data.probe_echo.deferred.output
}
