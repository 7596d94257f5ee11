// Package types has the fields that Traefik reads.
package types

type InstanceInformation struct {
	InstanceId *string
	IPAddress  *string
	PingStatus string
}

type InstanceInformationStringFilter struct {
	Key    *string
	Values []string
}
