//go:build tools

// Package traefik has no code of its own: these modules carry the definitions (CRDs) that the cluster gets, and an
// import keeps their versions in go.mod and their checksums in go.sum.
package traefik

import (
	_ "istio.io/api/annotation"
	_ "sigs.k8s.io/gateway-api/apis/v1"
)
