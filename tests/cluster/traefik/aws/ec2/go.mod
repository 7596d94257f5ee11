// In place of the client for Amazon EC2, the largest package that Traefik links: what it needs to compile, since no
// cluster of ours asks Amazon anything.
module github.com/aws/aws-sdk-go-v2/service/ec2

go 1.23

require github.com/aws/aws-sdk-go-v2 v1.41.1
